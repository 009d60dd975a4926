"""Content that a server labels as encoded, or compresses though nobody asked for it."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable

import pytest
from aiohttp import web

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Repository
from pipeline.model.descriptor import OCI_MANIFEST
from pipeline.registry import ClientSettings, Registry
from tests.registry import images
from tests.registry.raw_server import canned, raw
from tests.registry.scripted_server import scripted

pytestmark = [pytest.mark.anyio, pytest.mark.real]

QUICK = ClientSettings(backoff=0.001, backoff_max=0.01, attempts=3, read_bytes=1000)
MANIFEST = images.manifest_of(Descriptor.of(b"{}", "application/x"), [])
CONTENTS = {
    "text": b"layer",
    "layer": gzip.compress(b"layer" * 100),
    "large": random.Random(1).randbytes(50_000),
    "zeros": bytes(1_000_000),
    "none": b"",
}
Encode = Callable[[bytes], bytes]


def members(content: bytes) -> bytes:
    """As parallel compressors write it: several members."""
    return gzip.compress(content[:100]) + gzip.compress(content[100:])


@pytest.mark.parametrize("label", ["aws-chunked", "x-gzip", "gzip", "br", "GZIP"])
@pytest.mark.parametrize("name", CONTENTS)
async def test_a_label_alone(label: str, name: str) -> None:
    content = CONTENTS[name]

    def script(request: web.Request) -> web.Response:
        body = MANIFEST.raw if "/manifests/" in request.path else content
        headers = {"Content-Encoding": label, "Content-Type": OCI_MANIFEST}
        return web.Response(body=body, headers=headers)

    async with scripted(script) as server, Registry(settings=QUICK) as registry:
        repo = Repository(server.host, "a")
        assert await registry.get_manifest(repo.at(MANIFEST.digest)) == MANIFEST
        assert await registry.head(repo.tagged("1")) == MANIFEST.descriptor
        assert await registry.blob(repo, Descriptor.of(content, "")) == content


@pytest.mark.parametrize("encode", [gzip.compress, members])
@pytest.mark.parametrize("name", CONTENTS)
async def test_compressed_on_its_way(encode: Encode, name: str) -> None:
    content = CONTENTS[name]

    def script(request: web.Request) -> web.Response:
        body = {"manifests": MANIFEST.raw, "tags": b'{"tags":["1"]}'}.get(request.path.split("/")[3], content)
        headers = {
            "Content-Encoding": "gzip",
            "Content-Type": OCI_MANIFEST,
            "Docker-Content-Digest": str(MANIFEST.digest),
        }
        return web.Response(body=encode(body), headers=headers)

    async with scripted(script) as server, Registry(settings=QUICK) as registry:
        repo = Repository(server.host, "a")
        assert await registry.get_manifest(repo.tagged("1")) == MANIFEST
        assert await registry.head(repo.tagged("1")) == MANIFEST.descriptor  # not with the compressed length
        assert await registry.tags(repo) == ["1"]
        assert await registry.blob(repo, Descriptor.of(content, "")) == content


async def test_a_label_without_a_length() -> None:
    answer = canned(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\nlayer")
    async with raw(answer) as server, Registry(settings=QUICK) as registry:
        descriptor = Descriptor.of(b"layer", "")
        assert await registry.blob(Repository(server.host, "a"), descriptor) == b"layer"


async def test_a_compressed_blob_that_breaks_is_read_from_its_beginning() -> None:
    content, ranges = CONTENTS["large"], []

    def script(request: web.Request) -> web.Response:
        ranges.append(request.headers.get("Range"))
        body = gzip.compress(content)
        return web.Response(
            body=body[:20_000] if len(ranges) == 1 else body, headers={"Content-Encoding": "gzip"}
        )

    async with scripted(script) as server, Registry(settings=QUICK) as registry:
        descriptor = Descriptor.of(content, "")
        assert await registry.blob(Repository(server.host, "a"), descriptor) == content
    assert ranges == [None, None]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (gzip.compress(b"other", mtime=0), "its digest is"),
        (gzip.compress(bytes(100_000_000)), "larger than the 5 bytes"),
        (b"\x1f\x8bnonsense", "invalid response"),
        (gzip.compress(b"") * 100_000, "invalid response"),
        (gzip.compress(b"layer", mtime=0)[:-15], "closed the connection"),
    ],
)
async def test_compressed_content_that_is_another(body: bytes, problem: str) -> None:
    def script(request: web.Request) -> web.Response:
        return web.Response(body=body, headers={"Content-Encoding": "gzip"})

    async with scripted(script) as server, Registry(settings=QUICK) as registry:
        with pytest.raises(RegistryError, match=problem):
            await registry.blob(Repository(server.host, "a"), Descriptor.of(b"layer", ""))
