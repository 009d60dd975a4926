"""Credentials and tokens stay with the registry that they are for, wherever it leads a request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Repository
from pipeline.model.descriptor import OCI_MANIFEST
from pipeline.registry import Access, ClientSettings, HostAccess, Registry, referrers
from pipeline.registry.blobs.upload_session import open_session
from tests.registry import images
from tests.registry.hostile import (
    PASSWORD_ONLY,
    READY,
    ROBOT,
    Lead,
    known,
    leading,
    redirect,
    stranger,
    uploading,
)
from tests.registry.scripted_server import scripted

pytestmark = [pytest.mark.anyio, pytest.mark.real]

QUICK = ClientSettings(backoff=0.001, backoff_max=0.01, attempts=2, chunk_bytes=8)
CONTENT = b"0123456789abcdef"
BLOB = Descriptor.of(CONTENT, "application/x")
SMALL = b"small"
GOOD = images.manifest_of(Descriptor.of(b"{}", "application/x"), [])
Act = Callable[[Registry, Repository], Awaitable[object]]


async def _copy(registry: Registry, repo: Repository) -> object:
    return await registry.copy(repo, GOOD.digest, Repository(repo.host, "b"), tag="1")


async def _open(registry: Registry, repo: Repository) -> object:
    other = Repository(repo.host, "other")
    assert not await registry.mount_blob(
        repo, BLOB, other
    )  # the upload that it opened instead is cancelled there
    return await open_session(registry._transport, repo, BLOB, other) and await registry.put_blob(repo, SMALL)


FOLLOWED: list[tuple[str, Lead, Act]] = [
    ("GET blob", redirect(307, "GET"), lambda r, a: r.blob(a, BLOB)),
    ("HEAD blob", redirect(302, "HEAD"), lambda r, a: r.has_blob(a, BLOB.digest)),
    ("GET manifest", redirect(301, "GET"), lambda r, a: r.get_manifest(a.tagged("1"))),
    ("HEAD manifest", redirect(308, "HEAD"), lambda r, a: r.head(a.tagged("1"))),
    ("tags", redirect(303, "GET", part="/tags/"), lambda r, a: r.tags(a)),
    (
        "referrers",
        redirect(307, "GET", part="/referrers/"),
        lambda r, a: referrers.by_api(r._transport, a, BLOB.digest),
    ),
    ("ping", redirect(302, "GET"), lambda r, a: r.ping(a.host)),
    ("copy", redirect(307, "GET", "HEAD"), _copy),
    ("PUT upload", uploading, lambda r, a: r.put_blob(a, SMALL)),
    ("PATCH upload", uploading, lambda r, a: r.put_blob(a, CONTENT)),
    ("mount", uploading, _open),
    ("POST", redirect(307, "POST"), lambda r, a: r.put_blob(a, SMALL)),
    ("PUT", redirect(308, "PUT"), lambda r, a: r.put_manifest(a, GOOD.raw, OCI_MANIFEST, tag="1")),
]
UNFOLLOWED: list[tuple[str, Lead, Act]] = [
    ("POST", redirect(301, "POST"), lambda r, a: r.put_blob(a, SMALL)),
    ("PUT", redirect(303, "PUT"), lambda r, a: r.put_manifest(a, GOOD.raw, OCI_MANIFEST, tag="1")),
    ("DELETE", redirect(302, "DELETE"), lambda r, a: r.delete(a.at(GOOD.digest))),
]


def _ids(cases: list[tuple[str, Lead, Act]]) -> list[str]:
    return [name for name, _, _ in cases]


@pytest.mark.parametrize("challenge", ["bearer", "basic", "both"])
@pytest.mark.parametrize("guarded", ["open", "token", "basic"])
@pytest.mark.parametrize(("name", "lead", "act"), FOLLOWED, ids=_ids(FOLLOWED))
async def test_the_challenge_of_a_stranger(
    name: str, lead: Lead, act: Act, guarded: str, challenge: str
) -> None:
    async with stranger(challenge) as away, leading(lead, away.url, guarded) as server:
        for credentials in (ROBOT, PASSWORD_ONLY):
            async with Registry(known(server, credentials), QUICK) as registry:
                with pytest.raises(RegistryError, match=f"{away.url} refused .*401") as caught:
                    await act(registry, Repository(server.host, "a"))
            assert f"{server.host} leads there" in caught.value.message
            assert f"credentials for {server.host} are not sent there" in (caught.value.hint or "")
            assert "CANARY" not in str(caught.value.to_json())
        assert away.server.asked and await away.got_secrets() == []


@pytest.mark.parametrize(("name", "lead", "act"), UNFOLLOWED, ids=_ids(UNFOLLOWED))
async def test_a_redirect_that_may_change_a_write_is_not_followed(name: str, lead: Lead, act: Act) -> None:
    async with stranger() as away, leading(lead, away.url, "token") as server:
        async with Registry(known(server), QUICK) as registry:
            with pytest.raises(RegistryError, match=r"refused .*: 30\d"):
                await act(registry, Repository(server.host, "a"))
        assert away.server.asked == []


async def test_a_ready_token_and_a_cached_one_stay() -> None:
    """The registry has challenged and been given a token before it leads elsewhere."""
    lead = redirect(307, "GET", part="/blobs/")
    for credentials in (READY, ROBOT):
        async with stranger() as away, leading(lead, away.url, "token") as server:
            async with Registry(known(server, credentials), QUICK) as registry:
                repo = Repository(server.host, "a")
                assert await registry.head(repo.tagged("1")) is None
                with pytest.raises(RegistryError, match="leads there"):
                    await registry.blob(repo, BLOB)
                tokens = registry.stats.tokens
                assert await registry.head(repo.tagged("1")) is None
                assert registry.stats.tokens == tokens
            assert await away.got_secrets() == []
            assert len(away.server.asked) == 1


async def test_a_stranger_that_leads_back_to_the_registry() -> None:
    """The request arrives there without credentials: the stranger may not choose what is done with them."""
    async with stranger() as away, leading(redirect(307, "GET", part="/blobs/"), away.url, "token") as server:
        back = f"http://{server.host}/v2/private/manifests/1"
        away.script = lambda request: web.Response(status=302, headers={"Location": back})
        async with Registry(known(server), QUICK) as registry:
            with pytest.raises(RegistryError, match="leads there"):
                await registry.blob(Repository(server.host, "a"), BLOB)
        returned = [r for r in server.asked if r.path == "/v2/private/manifests/1"]
        assert returned and not any("Authorization" in r.headers for r in returned)


async def test_an_upload_on_a_stranger_never_leads_back() -> None:
    async with stranger() as away, leading(uploading, away.url, "token") as server:
        back = f"http://{server.host}/v2/a/manifests/prod?x=y"
        headers = {"Location": back, "Range": "0-7"}
        away.script = lambda request: web.Response(
            status=202 if request.method == "PATCH" else 503, headers=headers
        )
        async with Registry(known(server), QUICK) as registry:
            with pytest.raises(RegistryError):
                await registry.put_blob(Repository(server.host, "a"), CONTENT)
        assert not [r for r in server.asked if "/manifests/prod" in r.path]
        assert away.server.asked and await away.got_secrets() == []


async def test_the_progress_of_an_upload_on_a_stranger() -> None:
    async with stranger() as away, leading(uploading, away.url, "basic") as server:
        away.script = lambda request: web.Response(status=503) if request.method == "PATCH" else None
        async with Registry(known(server, PASSWORD_ONLY), QUICK) as registry:
            with pytest.raises(RegistryError, match="leads there"):
                await registry.put_blob(Repository(server.host, "a"), CONTENT)
        assert {"PATCH", "GET"} <= {r.method for r in away.server.asked}
        assert await away.got_secrets() == []


async def test_a_token_service_that_redirects() -> None:
    """The password goes to the realm that the registry names, and not along."""
    async with stranger() as away:

        def script(request: web.Request) -> web.StreamResponse:
            if request.path == "/token":
                return web.Response(status=307, headers={"Location": f"{away.url}/token"})
            challenge = f'Bearer realm="http://{request.host}/token"'
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})

        async with scripted(script) as server, Registry(known(server, PASSWORD_ONLY), QUICK) as registry:
            with pytest.raises(RegistryError):
                await registry.head(Repository(server.host, "a").tagged("1"))
        assert not any("Authorization" in r.headers for r in away.server.asked)


async def test_the_same_origin_may_redirect_and_challenge() -> None:
    """A registry behind a proxy that moves paths: still the registry."""

    def lead(request: web.Request, target: str) -> web.StreamResponse | None:
        if request.path.startswith("/v2/a/blobs/"):
            moved = f"http://{request.host.upper()}/v2/moved/x"
            return web.Response(status=307, headers={"Location": moved})
        return web.Response(body=CONTENT) if request.path == "/v2/moved/x" else None

    for guarded in ("token", "basic"):
        async with leading(lead, "", guarded) as server, Registry(known(server), QUICK) as registry:
            assert await registry.blob(Repository(server.host, "a"), BLOB) == CONTENT


async def test_credentials_that_are_sent_at_once_stay_at_their_registry() -> None:
    """No request without them comes first, and where the registry leads there are none."""
    async with scripted(lambda request: web.Response(status=404)) as away:

        def lead(request: web.Request) -> web.StreamResponse:
            return web.Response(status=307, headers={"Location": f"http://{away.host}/blob"})

        async with scripted(lead) as server:
            access = Access({server.host: HostAccess(credentials=PASSWORD_ONLY, sends_basic=True)})
            async with Registry(access, QUICK) as registry:
                assert await registry.head(Repository(server.host, "a").tagged("1")) is None
                assert await registry.head(Repository(away.host, "a").tagged("1")) is None
        assert ["Authorization" in request.headers for request in server.asked] == [True]
        assert ["Authorization" in request.headers for request in away.asked] == [False, False]


async def test_credentials_of_one_registry_never_reach_another() -> None:
    """In one client, each registry gets its own or none."""
    async with leading(lambda request, target: None, "", "token") as one, stranger("both") as other:
        async with Registry(known(one), QUICK) as registry:
            assert await registry.head(Repository(one.host, "a").tagged("1")) is None
            with pytest.raises(RegistryError):
                await registry.head(Repository(other.server.host, "a").tagged("1"))
        assert not any("CANARY" in str(r.headers) for r in other.server.asked)
        assert not any(r.headers.get("Authorization", "").endswith("own-token") for r in other.server.asked)


@pytest.mark.parametrize(
    "location", ["http://robot:CANARY@localhost/x", "http://x:99999/", "http://[", "ftp://x/"]
)
async def test_addresses_that_are_not_followed(location: str) -> None:
    def script(request: web.Request) -> web.StreamResponse:
        status = 202 if request.method == "POST" else 307
        return web.Response(status=status, headers={"Location": location})

    async with scripted(script) as server, Registry(settings=QUICK) as registry:
        repo = Repository(server.host, "a")
        for act in (registry.blob(repo, BLOB), registry.put_blob(repo, SMALL)):
            with pytest.raises(RegistryError, match="returned an invalid response") as caught:
                await act
            assert "address" in (caught.value.detail or "")
            assert "CANARY" not in str(caught.value.to_json())


async def test_an_upload_over_plain_http_on_a_host_that_is_not_allowed_it() -> None:
    lead: Lead = lambda request, target: web.Response(  # noqa: E731
        status=202, headers={"Location": "http://storage.invalid/up"}
    )
    async with leading(lead, "", "open") as server, Registry(Access(), QUICK) as registry:
        with pytest.raises(RegistryError, match="returned an invalid response") as caught:
            await registry.put_blob(Repository(server.host, "a"), SMALL)
        assert "http://storage.invalid" in (caught.value.detail or "")


def test_the_canaries_are_no_part_of_what_is_shown() -> None:
    assert "CANARY" not in repr((ROBOT, READY, HostAccess(credentials=PASSWORD_ONLY)))


async def test_a_page_that_a_stranger_returned_does_not_continue_at_the_registry() -> None:
    page = {"Link": '</v2/private/tags/list>; rel="next"'}
    async with stranger() as away, leading(redirect(307, "GET"), away.url, "token") as server:
        away.script = lambda request: web.json_response({"tags": ["x"]}, headers=page)
        async with Registry(known(server), QUICK) as registry:
            with pytest.raises(RegistryError, match="returned an invalid response") as caught:
                await registry.tags(Repository(server.host, "a"))
        assert f"the next page is on {away.url}, not on http://{server.host}" in (caught.value.detail or "")
        assert not [r for r in server.asked if "private" in r.path]
