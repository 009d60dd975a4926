"""What some registries do otherwise than most, as reports of their users describe it, from a scripted server."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from aiohttp import web

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest, Manifest, Platform, Repository
from pipeline.model.descriptor import OCI_INDEX, OCI_MANIFEST
from pipeline.oci.index import encode_index
from pipeline.oci.source import fallback_tag
from pipeline.registry import Access, ClientSettings, Credentials, HostAccess, Registry
from pipeline.registry.artifacts.push import _subject
from pipeline.registry.platform_image import _image_digest
from tests.registry import images
from tests.registry.scripted_server import Server, scripted

pytestmark = pytest.mark.anyio

QUICK = ClientSettings(backoff=0.001, backoff_max=0.01, attempts=2)
IMAGE = images.manifest_of(Descriptor.of(b"{}", "application/x"), [])
NOTE = Descriptor.of(b"note", OCI_MANIFEST)
LIST = Manifest.parse(encode_index([NOTE]))
Script = Callable[[web.Request], web.StreamResponse]


def manifest(found: Manifest, **headers: str) -> web.Response:
    described = {"Content-Type": found.media_type, "Docker-Content-Digest": str(found.digest)}
    return web.Response(
        body=found.raw, headers=described | {k.replace("_", "-"): v for k, v in headers.items()}
    )


def repository(server: Server) -> Repository:
    return Repository(server.host, "a")


@pytest.mark.parametrize("status", [400, 403, 405, 406, 415, 500, 501])
async def test_a_manifest_is_read_where_head_is_refused(status: int) -> None:
    script: Script = lambda r: web.Response(status=status) if r.method == "HEAD" else manifest(IMAGE)  # noqa: E731
    async with scripted(script) as server, Registry(settings=QUICK) as registry:
        assert await registry.head(repository(server).tagged("1")) == IMAGE.descriptor
        assert [request.method for request in server.asked][-2:] == ["HEAD", "GET"]


async def test_what_is_refused_to_both_is_an_error() -> None:
    async with scripted(lambda r: web.Response(status=403)) as server, Registry(settings=QUICK) as registry:
        with pytest.raises(RegistryError, match=r"refused reading the manifest .*403"):
            await registry.head(repository(server).tagged("1"))


@pytest.mark.parametrize("status", [400, 403, 404, 405, 406, 410, 415, 422, 501])
async def test_the_fallback_tag_counts_whatever_says_that_there_is_no_api(status: int) -> None:
    def script(request: web.Request) -> web.Response:
        if "/referrers/" in request.path:
            return web.Response(status=status)
        return manifest(LIST)

    async with scripted(script) as server, Registry(settings=QUICK) as registry:
        assert await registry.referrers(repository(server), IMAGE.digest) == [NOTE]


async def test_a_page_for_people_is_no_list() -> None:
    """Some registries answer an address that they do not know with their own pages, or lead to a login."""

    def script(request: web.Request) -> web.Response:
        if "/referrers/" in request.path:
            return web.Response(status=302, headers={"Location": "/login"})
        if "/tags/" in request.path or request.path == "/login":
            return web.Response(text="<html>Log in</html>", content_type="text/html")
        return manifest(LIST)

    async with scripted(script) as server, Registry(settings=QUICK) as registry:
        assert await registry.referrers(repository(server), IMAGE.digest) == [NOTE]
        found = await registry.source(repository(server)).referrers([IMAGE.digest])
        assert found[IMAGE.digest].entries == (NOTE,)
        with pytest.raises(RegistryError) as caught:
            await registry.tags(repository(server))
        assert caught.value.detail == "an HTML page"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 406, 410, 422, 501])
async def test_fallback_tags_are_read_where_no_tags_are_listed(status: int) -> None:
    def script(request: web.Request) -> web.Response:
        if "/tags/" in request.path or "/referrers/" in request.path:
            return web.Response(status=404 if "/referrers/" in request.path else status)
        return manifest(LIST)

    async with scripted(script) as server, Registry(settings=QUICK) as registry:
        found = await registry.source(repository(server)).referrers([IMAGE.digest])
        assert found[IMAGE.digest].entries == (NOTE,)


@pytest.mark.parametrize(
    "media_type",
    [
        "",
        "text/plain",
        "text/html; charset=utf-8",
        "binary/octet-stream",
        "application/json",
        OCI_MANIFEST.upper(),
    ],
)
async def test_a_manifest_of_any_server_s_type(media_type: str) -> None:
    script: Script = lambda r: manifest(IMAGE, Content_Type=media_type)  # noqa: E731
    async with scripted(script) as server, Registry(settings=QUICK) as registry:
        assert await registry.get_manifest(repository(server).tagged("1")) == IMAGE


@pytest.mark.parametrize("missing", [False, True])
async def test_a_blob_is_found_where_head_is_refused(missing: bool) -> None:
    def script(request: web.Request) -> web.Response:
        if request.method == "HEAD":
            return web.Response(status=405)
        return web.Response(status=404) if missing else web.Response(body=b"x" * 100_000)

    async with scripted(script) as server, Registry(settings=QUICK) as registry:
        assert await registry.has_blob(repository(server), IMAGE.digest) is not missing


async def test_who_may_not_read_has_no_empty_list_of_referrers() -> None:
    async with scripted(lambda r: web.Response(status=403)) as server, Registry(settings=QUICK) as registry:
        with pytest.raises(RegistryError, match="403"):
            await registry.referrers(repository(server), IMAGE.digest)


@pytest.mark.parametrize(
    "entry",
    [
        {"mediaType": OCI_MANIFEST, "digest": "blake3:" + "0" * 64, "size": 1},
        {"mediaType": OCI_MANIFEST, "digest": str(IMAGE.digest), "size": -1},
        {"mediaType": OCI_MANIFEST, "digest": str(IMAGE.digest), "size": 1.5},
        {"mediaType": OCI_MANIFEST, "digest": str(IMAGE.digest), "size": 1, "annotations": {"a": "\ud800"}},
        "text",
        None,
    ],
)
@pytest.mark.parametrize("api", [False, True])
async def test_an_entry_that_cannot_be_read_is_left_out_alone(entry: object, api: bool) -> None:
    raw = json.dumps(json.loads(LIST.raw) | {"manifests": [entry, NOTE.to_oci()]})

    def script(request: web.Request) -> web.Response:
        if ("/referrers/" in request.path) is not api:
            return web.Response(status=404)
        return web.Response(body=raw, content_type=OCI_INDEX)

    async with scripted(script) as server, Registry(settings=QUICK) as registry:
        found = await registry.list_referrers(repository(server), IMAGE.digest)
        assert found.entries == (NOTE,) and len(found.unusable) == 1


async def test_a_later_page_of_referrers_that_is_refused_is_an_error() -> None:
    def script(request: web.Request) -> web.Response:
        if "/referrers/" not in request.path:
            return web.Response(status=404)
        if request.query.get("page"):
            return web.Response(status=406)
        return manifest(LIST, Link=f'<{request.path}?page=2>; rel="next"')

    async with scripted(script) as server, Registry(settings=QUICK) as registry:
        with pytest.raises(RegistryError, match="406"):
            await registry.referrers(repository(server), IMAGE.digest)


async def test_platforms_of_the_subject_are_no_referrers() -> None:
    """A registry that reads the fallback tag `sha256-…` as the digest."""
    index = images.image("odd").index

    def script(request: web.Request) -> web.Response:
        named = request.path.endswith(fallback_tag(index.digest))
        return manifest(index) if named else web.Response(status=404)

    async with scripted(script) as server, Registry(settings=QUICK) as registry:
        assert await registry.referrers(repository(server), index.digest) == []


def test_the_fallback_tag_of_a_long_digest_has_64_digits() -> None:
    assert fallback_tag(Digest("sha512:" + "ab" * 64)) == "sha512-" + "ab" * 32


@pytest.mark.parametrize(("status", "most"), [(413, 100), (400, 100), (422, 10)])
async def test_pages_are_as_large_as_the_registry_takes(status: int, most: int) -> None:
    def script(request: web.Request) -> web.Response:
        if int(request.query.get("n", most)) > most:
            return web.Response(status=status)
        last = request.query.get("last")
        link = {} if last else {"Link": f'<{request.path}?n={most}&last=1>; rel="next"'}
        return web.json_response({"name": "a", "tags": ["2" if last else "1"]}, headers=link)

    async with scripted(script) as server, Registry(settings=QUICK) as registry:
        assert await registry.tags(repository(server)) == ["1", "2"]


@pytest.mark.parametrize("status", [307, 308])
async def test_a_write_follows_a_redirect_with_method_and_body(status: int) -> None:
    credentials = Credentials("user", "secret")
    seen: list[tuple[str, str, str | None]] = []

    def there(request: web.Request) -> web.Response:
        seen.append((request.method, request.path, request.headers.get("Authorization")))
        if request.method == "POST":
            return web.Response(status=202, headers={"Location": "/there/upload"})
        return web.Response(status=201)

    async with scripted(there) as other:

        def script(request: web.Request) -> web.Response:
            if not request.headers.get("Authorization"):
                return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="r"'})
            if request.path.startswith("/own"):
                assert request.headers["Authorization"] and request.method == "PUT"
                return web.Response(status=201)
            to = "/own" if "/manifests/" in request.path else f"http://{other.host}/there"
            return web.Response(status=status, headers={"Location": to})

        async with scripted(script) as server:
            access = Access({server.host: HostAccess(credentials=credentials)})
            async with Registry(access, QUICK) as registry:
                await registry.put_manifest(repository(server), IMAGE.raw, IMAGE.media_type, tag="1")
                await registry.put_blob(repository(server), b"content")
    assert seen == [("POST", "/there", None), ("PUT", "/there/upload", None)]


@pytest.mark.parametrize("status", [301, 302, 303])
async def test_a_write_follows_no_redirect_that_may_change_it(status: int) -> None:
    script: Script = lambda r: web.Response(status=status, headers={"Location": "/x"})  # noqa: E731
    async with scripted(script) as server, Registry(settings=QUICK) as registry:
        with pytest.raises(RegistryError, match=str(status)):
            await registry.put_manifest(repository(server), IMAGE.raw, IMAGE.media_type, tag="1")
        assert len(server.asked) == 1


@pytest.mark.parametrize("headers", [{"Content_Length": "0"}, {"Content_Type": "application/json"}])
async def test_a_subject_is_described_by_its_content(headers: dict[str, str]) -> None:
    def script(request: web.Request) -> web.Response:
        return manifest(IMAGE, **headers) if request.method == "HEAD" else manifest(IMAGE)

    async with scripted(script) as server, Registry(settings=QUICK) as registry:
        reference = repository(server).tagged("1")
        assert await _subject(registry, reference, reference) == IMAGE.descriptor


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({"architecture": "arm"}, "linux/arm/v7"),
        ({"architecture": "arm", "variant": "7"}, "linux/arm/v7"),
        ({"architecture": "armhf"}, "linux/arm/v7"),
        ({"architecture": "aarch64"}, "linux/arm64"),
        ({"architecture": "arm64", "variant": "v8"}, "linux/arm64"),
        ({"architecture": "arm64", "variant": "8"}, "linux/arm64"),
        ({"architecture": "x86_64"}, "linux/amd64"),
        ({"architecture": "amd64", "variant": "v1"}, "linux/amd64"),
        ({"architecture": "amd64", "variant": ""}, "linux/amd64"),
        ({"architecture": "AMD64", "os": "Linux"}, "linux/amd64"),
    ],
)
def test_platforms_of_an_index_as_containerd_reads_them(written: dict[str, str], meant: str) -> None:
    entry = {"mediaType": OCI_MANIFEST, "digest": str(NOTE.digest), "size": 4}
    child = Descriptor.from_oci(entry | {"platform": {"os": "linux"} | written})
    index = Manifest.parse(encode_index([child]), OCI_INDEX)
    assert _image_digest(index, Platform.parse(meant)) == NOTE.digest
    assert _image_digest(index, Platform.parse("linux/s390x")) is None


@pytest.mark.parametrize("variant", ["v2", "v3", "v9"])
def test_other_variants_are_other_platforms(variant: str) -> None:
    entry = {"mediaType": OCI_MANIFEST, "digest": str(NOTE.digest), "size": 4}
    children = [
        Descriptor.from_oci(entry | {"platform": {"os": "linux", "architecture": name, "variant": variant}})
        for name in ("amd64", "arm64", "arm")
    ]
    index = Manifest.parse(encode_index(children), OCI_INDEX)
    for platform in ("linux/amd64", "linux/arm64", "linux/arm/v7"):
        assert _image_digest(index, Platform.parse(platform)) is None
