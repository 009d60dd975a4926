"""Answers that cannot be right, and addresses that must not be followed."""

from __future__ import annotations

import gzip
import json

import pytest
from aiohttp import web

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Repository
from pipeline.model.descriptor import OCI_INDEX, OCI_MANIFEST
from pipeline.registry import Access, ClientSettings, Credentials, HostAccess, Registry, referrers
from tests.registry import images
from tests.registry.scripted_server import scripted

pytestmark = [pytest.mark.anyio, pytest.mark.real]

QUICK = ClientSettings(backoff=0.001, backoff_max=0.01, attempts=3)
GOOD = images.manifest_of(Descriptor.of(b"{}", "application/x"), [])
TYPE = {"Content-Type": OCI_MANIFEST}


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (lambda: web.Response(body=b"x" * 5_000_000, headers=TYPE), "larger than"),
        (lambda: web.Response(body=b"[" * 50_000, headers=TYPE), "deeply"),
        (lambda: web.Response(text="<html>log in first</html>", content_type="text/html"), "Expecting value"),
        (lambda: web.Response(body=GOOD.raw, headers={"Content-Type": OCI_INDEX}), "but its mediaType is"),
        (
            lambda: web.Response(body=GOOD.raw, headers=TYPE | {"Docker-Content-Digest": "sha256:short"}),
            "not a digest",
        ),
        (
            lambda: web.Response(
                body=gzip.compress(GOOD.raw)[:-9], headers=TYPE | {"Content-Encoding": "gzip"}
            ),
            "gzip",
        ),
        (
            lambda: web.Response(
                body=gzip.compress(bytes(5_000_000)), headers=TYPE | {"Content-Encoding": "gzip"}
            ),
            "larger than",
        ),
    ],
)
async def test_manifests_that_cannot_be_right(answer, problem: str) -> None:
    async with scripted(lambda request: answer()) as server, Registry(settings=QUICK) as registry:
        with pytest.raises(RegistryError, match="returned an invalid response") as caught:
            await registry.get_manifest(Repository(server.host, "a").tagged("1"))
        assert problem in (caught.value.detail or "")
        assert len(server.asked) == 1


async def test_another_digest_than_said() -> None:
    def script(request: web.Request) -> web.Response:
        headers = TYPE | {"Docker-Content-Digest": str(Descriptor.of(b"other", "").digest)}
        return web.Response(body=GOOD.raw, headers=headers)

    async with scripted(script) as server, Registry(settings=QUICK) as registry:
        repo = Repository(server.host, "a")
        with pytest.raises(RegistryError, match="does not match its digest"):
            await registry.get_manifest(repo.tagged("1"))
        with pytest.raises(RegistryError, match="returned an invalid response"):
            await registry.head(repo.at(GOOD.digest))
        with pytest.raises(RegistryError, match="returned an invalid response"):
            await registry.put_manifest(repo, GOOD.raw, OCI_MANIFEST, tag="1")


async def test_a_head_without_a_digest_is_followed_by_a_get() -> None:
    async with (
        scripted(lambda request: web.Response(body=GOOD.raw, headers=TYPE)) as server,
        Registry(settings=QUICK) as registry,
    ):
        assert await registry.head(Repository(server.host, "a").tagged("1")) == GOOD.descriptor
        assert [r.method for r in server.asked] == ["HEAD", "GET"]


async def test_blobs_larger_than_said() -> None:
    def script(request: web.Request) -> web.Response:
        return web.Response(body=b"x" * 100_000)

    async with scripted(script) as server, Registry(settings=QUICK) as registry:
        repo = Repository(server.host, "a")
        with pytest.raises(RegistryError, match="larger than the 5 bytes"):
            await registry.blob(repo, Descriptor.of(b"small", ""))
        huge = Descriptor("", Descriptor.of(b"x", "").digest, 1 << 40)
        with pytest.raises(RegistryError, match="more than the"):
            await registry.blob(repo, huge)


async def test_a_redirect_takes_no_credentials_along() -> None:
    content = b"kept elsewhere"
    descriptor = Descriptor.of(content, "")

    def storage(request: web.Request) -> web.Response:
        assert "Authorization" not in request.headers
        assert request.raw_path.endswith("?X-Signature=a%2Fb%2Bc")
        return web.Response(body=content)

    async with scripted(storage) as away:

        def front(request: web.Request) -> web.Response:
            if "Authorization" not in request.headers:
                return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})
            target = f"http://{away.host}/bucket?X-Signature=a%2Fb%2Bc"
            return web.Response(status=307, headers={"Location": target})

        async with scripted(front) as server:
            access = Access({server.host: HostAccess(credentials=Credentials("alice", "secret"))})
            async with Registry(access, QUICK) as registry:
                assert await registry.blob(Repository(server.host, "a"), descriptor) == content
        assert len(away.asked) == 1


@pytest.mark.parametrize("target", ["http://storage.example/x", "ftp://localhost/x", "file:///etc/passwd"])
async def test_a_redirect_into_the_clear_is_not_followed(target: str) -> None:
    async with (
        scripted(lambda request: web.Response(status=302, headers={"Location": target})) as server,
        Registry(settings=QUICK) as registry,
    ):
        with pytest.raises(RegistryError, match="returned an invalid response"):
            await registry.blob(Repository(server.host, "a"), Descriptor.of(b"x", ""))


async def test_redirects_without_end() -> None:
    async with (
        scripted(lambda request: web.Response(status=302, headers={"Location": request.path})) as server,
        Registry(settings=QUICK) as registry,
    ):
        with pytest.raises(RegistryError) as caught:
            await registry.has_blob(Repository(server.host, "a"), Descriptor.of(b"x", "").digest)
        assert "too often" in (caught.value.detail or "")


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (lambda: web.Response(status=202), "no Location"),
        (lambda: web.Response(status=202, headers={"Location": "ftp://x/y"}), "not HTTP"),
    ],
)
async def test_upload_addresses_that_cannot_be_right(answer, problem: str) -> None:
    async with scripted(lambda request: answer()) as server, Registry(settings=QUICK) as registry:
        with pytest.raises(RegistryError) as caught:
            await registry.put_blob(Repository(server.host, "a"), b"x")
        assert problem in (caught.value.detail or "")


async def test_an_upload_elsewhere_takes_no_credentials_along() -> None:
    def storage(request: web.Request) -> web.Response:
        assert "Authorization" not in request.headers
        return web.Response(status=201)

    async with scripted(storage) as away:

        def front(request: web.Request) -> web.Response:
            if "Authorization" not in request.headers:
                return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})
            return web.Response(status=202, headers={"Location": f"http://{away.host}/up?state=a%20b"})

        async with scripted(front) as server:
            access = Access({server.host: HostAccess(credentials=Credentials("alice", "secret"))})
            async with Registry(access, QUICK) as registry:
                await registry.put_blob(Repository(server.host, "a"), b"content")
        assert [r.query["state"] for r in away.asked] == ["a b"]


async def test_a_registry_that_refuses_mounts_is_uploaded_to() -> None:
    stored = {}

    def script(request: web.Request) -> web.Response:
        if "mount" in request.query:
            return web.json_response({"errors": [{"code": "UNSUPPORTED"}]}, status=405)
        if request.method == "POST":
            return web.Response(status=202, headers={"Location": "/up/1"})
        stored["up"] = request.query["digest"]
        return web.Response(status=201)

    async with scripted(script) as server, Registry(settings=QUICK) as registry:
        descriptor = await registry.put_blob(Repository(server.host, "a"), b"content")
    assert stored == {"up": str(descriptor.digest)}


async def test_pages_in_a_circle() -> None:
    def script(request: web.Request) -> web.Response:
        following = "2" if request.query.get("page") != "2" else "1"
        link = f'</v2/a/tags/list?page={following}>; rel="next"'
        return web.json_response({"name": "a", "tags": ["x"]}, headers={"Link": link})

    async with scripted(script) as server, Registry(settings=QUICK) as registry:
        with pytest.raises(RegistryError) as caught:
            await registry.tags(Repository(server.host, "a"))
        assert "already read" in (caught.value.detail or "")


async def test_pages_by_an_absolute_link_to_the_same_host() -> None:
    def script(request: web.Request) -> web.Response:
        if "last" in request.query:
            return web.json_response({"tags": ["b"]})
        link = f'<http://{request.host.upper()}/v2/a/tags/list?last=a>; rel="next"'
        return web.json_response({"tags": ["a", "../../bad", 7, ""]}, headers={"Link": link})

    async with scripted(script) as server, Registry(settings=QUICK) as registry:
        assert await registry.tags(Repository(server.host, "a")) == ["a", "b"]


@pytest.mark.parametrize(
    ("target", "named"),
    [
        ("https://else.where/v2/a/tags/list?last=a", "is on https://else.where, not on http://localhost:"),
        ("//user:CANARY@else.where/v2/a/tags/list", "an address with a user"),
        ("https://localhost:{port}/v2/a/tags/list?last=a", "is on https://localhost:{port}, not on http:"),
        ("http://localhost:1/v2/a/tags/list?last=a", "is on http://localhost:1, not on http://localhost:"),
        ("http://127.0.0.1:{port}/v2/a/tags/list", "is on http://127.0.0.1:{port}, not on http://localhost:"),
        ("ftp://localhost:{port}/v2/a/tags/list", "an address that is not HTTP"),
        ("http://[", "an invalid address"),
    ],
)
async def test_pages_never_lead_to_another_origin(target: str, named: str) -> None:
    def script(request: web.Request) -> web.Response:
        link = f'<{target.format(port=request.host.partition(":")[2])}>; rel="next"'
        body = {"schemaVersion": 2, "manifests": [], "tags": ["a"]}
        return web.json_response(body, headers={"Link": link})

    async with scripted(script) as server, Registry(settings=QUICK) as registry:
        repo, port = Repository(server.host, "a"), server.host.partition(":")[2]
        for pages in (registry.tags(repo), referrers.by_api(registry._transport, repo, GOOD.digest)):
            with pytest.raises(RegistryError, match=f"{server.host} returned an invalid response") as caught:
                await pages
            assert named.format(port=port) in (caught.value.detail or "") and caught.value.hint
            assert "CANARY" not in str(caught.value.to_json())
        assert len(server.asked) == 2


@pytest.mark.parametrize("body", ["[]", "{", '{"tags":"x"}', '{"tags":{}}'])
async def test_lists_that_are_none(body: str) -> None:
    async with (
        scripted(lambda request: web.Response(text=body)) as server,
        Registry(settings=QUICK) as registry,
    ):
        with pytest.raises(RegistryError, match="returned an invalid response"):
            await registry.tags(Repository(server.host, "a"))


async def test_the_referrers_api_may_be_empty_while_the_tag_is_not() -> None:
    """As GHCR has been seen to do."""
    entry = Descriptor(OCI_MANIFEST, GOOD.digest, len(GOOD.raw), artifact_type="application/x")

    def script(request: web.Request) -> web.Response:
        entries = [entry.to_oci()] if "/manifests/sha256-" in request.path else []
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
        return web.Response(body=json.dumps(index).encode(), headers={"Content-Type": OCI_INDEX})

    async with scripted(script) as server, Registry(settings=QUICK) as registry:
        found = await registry.referrers(Repository(server.host, "a"), Descriptor.of(b"subject", "").digest)
    assert [d.digest for d in found] == [GOOD.digest]


async def test_a_rate_limit_that_asks_for_too_much_patience() -> None:
    def script(request: web.Request) -> web.Response:
        return web.json_response({"errors": []}, status=429, headers={"Retry-After": "3600"})

    async with scripted(script) as server, Registry(settings=QUICK) as registry:
        with pytest.raises(RegistryError, match="429 TOOMANYREQUESTS") as caught:
            await registry.ping(server.host)
        assert "3600 s" in (caught.value.hint or "")
        assert len(server.asked) == 1


async def test_what_a_registry_says_is_shown_without_control_characters() -> None:
    def script(request: web.Request) -> web.Response:
        errors = [{"code": "DENIED\x1b[2J", "message": "go\x07 away\r\nnow", "detail": "x" * 10_000}]
        return web.json_response({"errors": errors}, status=403)

    async with scripted(script) as server, Registry(settings=QUICK) as registry:
        with pytest.raises(RegistryError) as caught:
            await registry.ping(server.host)
        shown = caught.value.message + (caught.value.detail or "")
        assert shown.isprintable() and len(shown) < 1000
