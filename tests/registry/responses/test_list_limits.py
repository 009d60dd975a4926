"""Lists of tags and referrers, tokens and bodies at each limit, and beyond: one error that names it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest, Repository
from pipeline.model.descriptor import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST
from pipeline.oci.limits import CONFIG_BYTES
from pipeline.registry import ClientSettings, Registry, limits
from pipeline.registry import listing as list_module
from pipeline.registry import referrers as referrers_module
from pipeline.registry.cache import ContentCache
from pipeline.registry.copy import source as source_module
from pipeline.registry.http.messages import Request
from pipeline.registry.platform_image import read_config
from tests.registry import images
from tests.registry.conftest import fresh
from tests.registry.scripted_server import scripted

pytestmark = [pytest.mark.anyio, pytest.mark.real]

QUICK = ClientSettings(backoff=0.001, backoff_max=0.01, attempts=2)
SUBJECT = Digest.of(b"subject")


def tag_pages(count: int, size: int = 0) -> Any:
    """So many pages of a tag each, all together of `size` bytes."""

    def script(request: web.Request) -> web.Response:
        page = int(request.query.get("page", "1"))
        body = json.dumps({"tags": [f"t{page}"]}).encode()
        if page == 1:
            rest = sum(len(json.dumps({"tags": [f"t{n}"]})) for n in range(1, count + 1))
            body += b" " * (size - rest)
        link = {"Link": f'</v2/a/tags/list?page={page + 1}>; rel="next"'} if page < count else {}
        return web.Response(body=body, headers=link)

    return script


def entries(count: int, annotation: str = "") -> list[dict[str, object]]:
    """Descriptors of referrers."""
    return [
        Descriptor(OCI_MANIFEST, Digest.of(b"%d" % n), 1, annotations={"a": annotation}).to_oci()
        for n in range(count)
    ]


async def test_pages_of_a_list() -> None:
    settings = replace(QUICK, max_pages=5)
    async with scripted(tag_pages(5)) as server, Registry(settings=settings) as registry:
        assert len(await registry.tags(Repository(server.host, "a"))) == 5
    async with scripted(tag_pages(6)) as server, Registry(settings=settings) as registry:
        with pytest.raises(RegistryError, match="returned an invalid response") as caught:
            await registry.tags(Repository(server.host, "a"))
        assert "more than 5 pages" in (caught.value.detail or "") and len(server.asked) == 5


async def test_bytes_of_a_list() -> None:
    settings = replace(QUICK, list_bytes=4096)
    async with scripted(tag_pages(3, 4096)) as server, Registry(settings=settings) as registry:
        assert len(await registry.tags(Repository(server.host, "a"))) == 3
    async with scripted(tag_pages(3, 4097)) as server, Registry(settings=settings) as registry:
        with pytest.raises(RegistryError) as caught:
            await registry.tags(Repository(server.host, "a"))
        assert "the list is larger than 4 KiB" in (caught.value.detail or "")


async def test_number_of_tags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_module, "TAGS", 4)
    async with scripted(tag_pages(4)) as server, Registry(settings=QUICK) as registry:
        assert len(await registry.tags(Repository(server.host, "a"))) == 4
    async with scripted(tag_pages(5)) as server, Registry(settings=QUICK) as registry:
        with pytest.raises(RegistryError) as caught:
            await registry.tags(Repository(server.host, "a"))
        assert "more than 4 tags" in (caught.value.detail or "")


async def test_number_of_referrers_of_one_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(referrers_module, "REFERRERS", 4)
    listed: list[dict[str, object]] = []

    def script(request: web.Request) -> web.Response:
        if "/referrers/" not in request.path:
            return web.Response(status=404)
        return web.json_response({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed})

    async with scripted(script) as server, Registry(settings=QUICK) as registry:
        listed = entries(4)
        assert len(await registry.referrers(Repository(server.host, "a"), SUBJECT)) == 4
        listed = entries(5)
        with pytest.raises(RegistryError) as caught:
            await registry.referrers(Repository(server.host, "a"), SUBJECT)
        assert "more than 4 referrers" in (caught.value.detail or "")


@pytest.mark.parametrize(
    ("limit", "value", "allowed", "text"),
    [
        ("REFERRERS", 6, (3, ""), "lists more than 6 referrers of one image"),
        ("LIST_BYTES", 1024, (2, "x" * 255), "lists more than 1 KiB of referrers of one image"),
    ],
)
async def test_referrers_of_an_image_and_its_children(
    monkeypatch: pytest.MonkeyPatch, limit: str, value: int, allowed: tuple[int, str], text: str
) -> None:
    """Together, whichever of them has them."""
    monkeypatch.setattr(source_module, limit, value)
    number, annotation = allowed
    listed = entries(number, annotation)

    def script(request: web.Request) -> web.Response:
        if "/referrers/" not in request.path:
            return web.Response(status=404)
        return web.json_response({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed})

    subjects = [Digest.of(b"a"), Digest.of(b"b")]
    async with scripted(script) as server, Registry(settings=QUICK) as registry:
        repo = Repository(server.host, "a")
        assert len((await registry.source(repo).referrers(subjects))[subjects[0]].entries) == number
        listed = entries(number, annotation + "x") if annotation else entries(number + 1)
        with pytest.raises(RegistryError, match=text) as caught:
            await registry.source(repo).referrers(subjects)
        assert "--no-referrers" in (caught.value.hint or "")


@pytest.mark.parametrize("chunked", [False, True])
async def test_the_body_of_a_response(chunked: bool) -> None:
    size = limits.RESPONSE_BYTES

    def script(request: web.Request) -> web.StreamResponse:
        response = web.Response(body=bytes(size))
        if chunked:
            response.enable_chunked_encoding()
        return response

    async with scripted(script) as server, Registry(settings=QUICK) as registry:
        await registry.ping(server.host)
        size += 1
        with pytest.raises(RegistryError) as caught:
            await registry.ping(server.host)
        assert "larger than 4 MiB" in (caught.value.detail or "")


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ({"token": "t" * limits.TOKEN_CHARACTERS}, None),
        ({"token": "t" * (limits.TOKEN_CHARACTERS + 1)}, "65537 characters, more than 65536"),
        ({"token": "t", "expires_in": 10**400}, None),
        ({"token": "t", "expires_in": -1}, None),
        ({"token": "t", "expires_in": "soon"}, None),
        ({"token": "t\r\nX: y"}, "no token of printable characters"),
        ({"token": "tök"}, "no token of printable characters"),
        ({"token": "\ud800"}, "surrogate"),
        ({"token": ["t"]}, "no token"),
        ({}, "no token"),
        ([], ""),
        (b'{"token":"a","token":"b"}', "repeated"),
        (b'{"token":"a","expires_in":1e999}', "too large"),
        (b'{"token":"a","expires_in":NaN}', "not a number in JSON"),
        (b'{"token":"a","expires_in":' + b"9" * 5000 + b"}", "too many digits"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"token":"' + b"x" * limits.TOKEN_RESPONSE_BYTES + b'"}', "larger than 1 MiB"),
        (b"\xff", "not UTF-8"),
    ],
)
async def test_answers_of_a_token_service(answer: Any, problem: str | None) -> None:
    raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()

    def script(request: web.Request) -> web.Response:
        if request.path == "/token":
            return web.Response(body=raw)
        if "Authorization" in request.headers:
            return web.Response()
        realm = f'Bearer realm="http://{request.host}/token",service="x"'
        return web.Response(status=401, headers={"WWW-Authenticate": realm})

    # This server's own limit of a header is less than the client's of a token.
    async with scripted(script) as server, Registry(settings=QUICK) as registry:
        if problem is None and len(raw) < 8000:
            await registry.ping(server.host)
            return
        with pytest.raises(RegistryError) as caught:
            await registry.ping(server.host)
        error = caught.value.to_json()
        assert caught.value.hint and len(str(error)) < 2000
        if problem is not None:
            assert problem in str(error.get("detail", ""))
        else:
            assert "returned no token" not in caught.value.message


def test_cached_manifests_are_few_and_small(monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.registry import cache as module

    cache = ContentCache()
    blob = Descriptor.of(b"{}", OCI_CONFIG)
    made = [images.manifest_of(blob, [], annotations={"n": str(n) + "x" * 1000}) for n in range(20)]
    monkeypatch.setattr(module, "CACHED_BYTES", 5 * len(made[0].raw) + 100)
    for manifest in (*made[:5], *made[:5]):
        cache.store(manifest)
    assert all(cache.manifest(m.digest) for m in made[:5])
    cache.store(made[5])
    assert [m for m in made if cache.manifest(m.digest)] == made[1:6]


async def test_the_config_of_an_image() -> None:
    manifest = images.manifest_of(Descriptor(OCI_CONFIG, SUBJECT, CONFIG_BYTES + 1), [])
    async with Registry() as registry:
        with pytest.raises(RegistryError, match=r"config of .* is larger than 16 MiB") as caught:
            await read_config(registry, fresh("localhost:1"), manifest)
    assert caught.value.hint


def test_a_request_is_limited_by_default() -> None:
    assert Request("GET", "h", "/v2/", "pinging", "h").limit == limits.RESPONSE_BYTES
