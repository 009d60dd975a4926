"""Uploads to registries that take them otherwise than most, from a scripted server."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from aiohttp import web

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Repository
from pipeline.registry import ClientSettings, Registry
from tests.registry import images
from tests.registry.scripted_server import scripted

pytestmark = pytest.mark.anyio

QUICK = ClientSettings(backoff=0.001, backoff_max=0.01, attempts=2)
CHUNKS = ClientSettings(backoff=0.001, backoff_max=0.01, attempts=2, chunk_bytes=10)
IMAGE = images.manifest_of(Descriptor.of(b"{}", "application/x"), [])
CONTENT = bytes(25)
WHERE = {"Location": "/v2/a/blobs/uploads/1"}
Patched = Callable[[int, int], web.Response]
"""The answer to a chunk, by the bytes before it and those with it."""


class Uploads:
    """A registry that answers chunks as a test says; `stored` is the size of what a PUT made a blob."""

    def __init__(self, patched: Patched) -> None:
        self.patched, self.received, self.stored = patched, 0, 0

    def __call__(self, request: web.Request) -> web.Response:
        size = int(request.headers.get("Content-Length", "0"))
        match request.method:
            case "POST":
                self.received = 0
                return web.Response(status=202, headers=WHERE)
            case "PATCH":
                answer = self.patched(self.received, self.received + size)
                self.received += size if answer.status < 300 else 0
                return answer
            case "GET":
                return web.Response(status=204, headers=WHERE | {"Range": f"0-{max(0, self.received - 1)}"})
            case "PUT":
                self.stored = self.received + size
                return web.Response(status=201)
            case _:
                return web.Response(status=404 if request.method == "HEAD" else 204)


def accepted(status: int = 202, **headers: str) -> web.Response:
    return web.Response(status=status, headers=headers)


@pytest.mark.parametrize(
    "patched",
    [
        lambda before, after: accepted(202, Range=f"0-{after - 1}", **WHERE),
        lambda before, after: accepted(200, Range=f"0-{after - 1}", **WHERE),
        lambda before, after: accepted(202, Range=f"bytes=0-{after - 1}", **WHERE),
        lambda before, after: accepted(202, **WHERE),
        lambda before, after: accepted(202, Range=f"0-{after - 1}"),
        lambda before, after: accepted(204),
    ],
    ids=["as specified", "200", "bytes=", "no Range", "no Location", "neither"],
)
async def test_chunks_are_sent_on(patched: Patched) -> None:
    uploads = Uploads(patched)
    async with scripted(uploads) as server, Registry(settings=CHUNKS) as registry:
        await registry.put_blob(Repository(server.host, "a"), CONTENT)
        assert uploads.stored == len(CONTENT)
        assert sum(request.method == "PATCH" for request in server.asked) == 3


@pytest.mark.parametrize(
    "patched",
    [
        *(
            lambda before, after, status=status: accepted(status)
            for status in (400, 404, 405, 411, 413, 416, 501)
        ),
        lambda before, after: accepted(202, Range=f"0-{after}", **WHERE),
        lambda before, after: accepted(202, Range="0-0", **WHERE),
        lambda before, after: accepted(202, Range="all of it", **WHERE),
        lambda before, after: accepted(202, Range=f"{before}-{after - 1}", **WHERE),
        lambda before, after: accepted(202, Location="file:///etc/passwd"),
    ],
)
async def test_a_blob_goes_as_a_whole_where_chunks_do_not(patched: Patched) -> None:
    uploads = Uploads(patched)
    async with scripted(uploads) as server, Registry(settings=CHUNKS) as registry:
        await registry.put_blob(Repository(server.host, "a"), CONTENT)
        assert uploads.stored == len(CONTENT)
        assert sum(request.method == "PATCH" for request in server.asked) <= 2


async def test_who_may_not_write_is_told() -> None:
    async with (
        scripted(Uploads(lambda before, after: accepted(401))) as server,
        Registry(settings=CHUNKS) as registry,
    ):
        with pytest.raises(RegistryError, match="401"):
            await registry.put_blob(Repository(server.host, "a"), CONTENT)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_what_says_that_something_is_written(status: int) -> None:
    def script(request: web.Request) -> web.Response:
        return accepted(202, **WHERE) if request.method == "POST" else accepted(status)

    async with scripted(script) as server, Registry(settings=QUICK) as registry:
        repo = Repository(server.host, "a")
        await registry.put_blob(repo, CONTENT)
        await registry.put_manifest(repo, IMAGE.raw, IMAGE.media_type, tag="1")
        assert [request.method for request in server.asked] == ["POST", "PUT", "PUT"]


@pytest.mark.parametrize("status", [200, 204, 400, 401, 403, 404, 405, 501])
async def test_a_mount_that_is_not_done_is_an_upload(status: int) -> None:
    def script(request: web.Request) -> web.Response:
        if request.query.get("mount"):
            return accepted(status)
        return accepted(202, **WHERE) if request.method == "POST" else accepted(201)

    async with scripted(script) as server, Registry(settings=QUICK) as registry:
        await registry.put_blob(Repository(server.host, "a"), CONTENT, source=Repository(server.host, "b"))
        assert [request.method for request in server.asked][-2:] == ["POST", "PUT"]


@pytest.mark.parametrize(
    "location", ["1", "?state=1", "/v2/x/../a/blobs/uploads/1", "1?", "1#part", "1?state=a|b"]
)
async def test_the_address_of_an_upload(location: str) -> None:
    def script(request: web.Request) -> web.Response:
        if request.method == "POST":
            return accepted(202, Location=location)
        digest = request.query.get("digest") == str(Descriptor.of(CONTENT, "").digest)
        return accepted(201 if digest and request.path.startswith("/v2/a/blobs/uploads/") else 400)

    async with scripted(script) as server, Registry(settings=QUICK) as registry:
        await registry.put_blob(Repository(server.host, "a"), CONTENT)
