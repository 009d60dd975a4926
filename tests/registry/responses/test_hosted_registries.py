"""What only hosted registries do, as documentation and reports describe it, from a scripted server."""

from __future__ import annotations

import json

import pytest
from aiohttp import web

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Repository
from pipeline.registry import Access, ClientSettings, Credentials, HostAccess, Registry
from tests.registry import images
from tests.registry.scripted_server import Server, scripted

pytestmark = [pytest.mark.anyio, pytest.mark.real]

QUICK = ClientSettings(backoff=0.001, backoff_max=0.01)
WHAT = images.manifest_of(Descriptor.of(b"{}", "application/x"), [])


def error(status: int, code: str, message: str, **headers: str) -> web.Response:
    body = {"errors": [{"code": code, "message": message}]}
    return web.json_response(
        body, status=status, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


def known(server: Server) -> Access:
    return Access({server.host: HostAccess(credentials=Credentials("robot$ci", "secret"))})


async def test_docker_hub_says_that_a_login_may_not_push() -> None:
    """401 with error="insufficient_scope" after a good token: one error, no loop, no second token."""

    def script(request: web.Request) -> web.Response:
        if request.path == "/token":
            return web.json_response({"token": "pull-only", "access_token": "pull-only", "expires_in": 300})
        challenge = f'Bearer realm="http://{request.host}/token",service="registry.docker.io"'
        challenge += ',scope="repository:library/debian:pull,push"'
        if request.headers.get("Authorization"):
            challenge += ',error="insufficient_scope"'
        return error(401, "UNAUTHORIZED", "authentication required", WWW_Authenticate=challenge)

    async with scripted(script) as server, Registry(known(server), QUICK) as registry:
        with pytest.raises(RegistryError, match="401 UNAUTHORIZED") as caught:
            await registry.put_blob(Repository(server.host, "library/debian"), b"x")
        assert "docker login" in (caught.value.hint or "")
        assert "secret" not in str(caught.value.to_json())
        assert sum(request.path == "/token" for request in server.asked) <= 2


async def test_docker_hub_limits_pulls_and_says_when_to_come_back() -> None:
    left = [2]

    def script(request: web.Request) -> web.Response:
        if left[0]:
            left[0] -= 1
            return error(
                *(429, "TOOMANYREQUESTS", "You have reached your pull rate limit."),
                RateLimit_Limit="100;w=21600",
                RateLimit_Remaining="0;w=21600",
                Retry_After="0",
            )
        return web.Response(body=WHAT.raw, headers={"Content-Type": WHAT.media_type})

    async with scripted(script) as server, Registry(settings=QUICK) as registry:
        assert await registry.get_manifest(Repository(server.host, "a").tagged("1")) == WHAT
        assert registry.stats.retries == 2


async def test_hub_and_ghcr_delete_nothing_by_this_api() -> None:
    script = lambda request: error(405, "UNSUPPORTED", "The operation is unsupported.")  # noqa: E731
    async with scripted(script) as server, Registry(settings=QUICK) as registry:
        with pytest.raises(RegistryError, match="405 UNSUPPORTED") as caught:
            await registry.delete(Repository(server.host, "a").at(WHAT.digest))
        assert "does not allow this" in (caught.value.hint or "")
        assert len(server.asked) == 1


async def test_ghcr_has_no_referrers_api_and_pages_of_tags() -> None:
    note, _ = images.referrer(WHAT.descriptor, "note")
    listed = json.dumps({"schemaVersion": 2, "manifests": [note.as_referrer().to_oci()]})
    tags = [f"t{n:03}" for n in range(250)]

    def script(request: web.Request) -> web.Response:
        if request.path.startswith("/v2/a/referrers/"):
            return web.Response(status=404, text="404 page not found\n")
        if request.path == "/v2/a/tags/list":
            after = request.query.get("last", "")
            page = [tag for tag in tags if tag > after][:100]  # however many were asked for
            more = (
                {"Link": f'</v2/a/tags/list?last={page[-1]}&n=100>; rel="next"'}
                if page[-1] != tags[-1]
                else {}
            )
            return web.json_response({"name": "a", "tags": page}, headers=more)
        if request.path.endswith(f"/manifests/sha256-{WHAT.digest.hex}"):
            return web.Response(text=listed, content_type="application/vnd.oci.image.index.v1+json")
        return error(404, "MANIFEST_UNKNOWN", "manifest unknown")

    async with scripted(script) as server, Registry(settings=QUICK) as registry:
        repo = Repository(server.host, "a")
        assert [d.digest for d in await registry.referrers(repo, WHAT.digest)] == [note.digest]
        assert await registry.tags(repo) == tags


@pytest.mark.parametrize(
    ("status", "code", "message", "hint"),
    [
        (
            412,
            "PRECONDITION",
            "Failed to process request due to 'app:1' configured as immutable.",
            "immutable tag",
        ),
        (
            *(403, "DENIED"),
            "adding 29.0 MiB of storage resource, which when updated to current usage of 152.4 MiB will exceed "
            "the configured upper limit of 10.0 MiB.",
            "quota",
        ),
        (403, "DENIED", "requested access to the resource is denied", "permissions"),
    ],
)
async def test_harbor_refuses_and_says_why(status: int, code: str, message: str, hint: str) -> None:
    script = lambda request: error(status, code, message)  # noqa: E731
    async with scripted(script) as server, Registry(settings=QUICK) as registry:
        with pytest.raises(RegistryError, match=f"{status} {code}") as caught:
            await registry.put_manifest(Repository(server.host, "p/app"), WHAT.raw, WHAT.media_type, tag="1")
        assert hint in (caught.value.hint or "") and message[:40] in (caught.value.detail or "")
        assert len(server.asked) == 1
