"""Credentials of a registry over TLS go nowhere over plain HTTP, and to token services that it names itself."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from aiohttp import web

from pipeline.errors import RegistryError
from pipeline.model import Repository
from pipeline.registry import Access, HostAccess, Registry
from tests.registry.hostile import (
    ROBOT,
    Lead,
    redirect,
    stranger,
    uploading,
)
from tests.registry.scripted_server import scripted

from .test_credentials_stay import BLOB, QUICK, SMALL

pytestmark = [pytest.mark.anyio, pytest.mark.real]


@pytest.mark.parametrize("lead", [redirect(307, "GET", "HEAD"), uploading], ids=["redirect", "upload"])
async def test_never_down_from_tls(lead: Lead, certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(cert, key)
    async with stranger() as away:
        target = away.url.replace("localhost", "127.0.0.1")

        def script(request: web.Request) -> web.StreamResponse:
            if "Authorization" not in request.headers:
                return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})
            return lead(request, target) or web.Response(status=404)

        async with scripted(script, tls) as server:
            settings = HostAccess(ca_file=str(cert), credentials=ROBOT)
            async with Registry(Access({server.host: settings}), QUICK) as registry:
                repo = Repository(server.host, "a")
                with pytest.raises(RegistryError, match="returned an invalid response"):
                    await (registry.put_blob(repo, SMALL) if lead is uploading else registry.blob(repo, BLOB))
        assert away.server.asked == []


async def test_a_tls_registry_names_a_token_service_over_plain_http(certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(cert, key)
    async with stranger() as away:
        challenge = {"WWW-Authenticate": f'Bearer realm="{away.url}/token"'}
        async with scripted(lambda request: web.Response(status=401, headers=challenge), tls) as server:
            settings = HostAccess(ca_file=str(cert), credentials=ROBOT)
            async with Registry(Access({server.host: settings}), QUICK) as registry:
                with pytest.raises(RegistryError, match="only to an https address"):
                    await registry.ping(server.host)
        assert away.server.asked == []


async def test_a_page_behind_a_proxy_that_ends_tls(certificate: tuple[Path, Path]) -> None:
    """The registry knows nothing of TLS and links to itself over plain HTTP; the page is read over TLS."""
    cert, key = certificate
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(cert, key)

    def front(request: web.Request) -> web.StreamResponse:
        host = server.host.partition(":")[0]
        link = {"Link": f'<http://{host}/v2/a/tags/list?last=x>; rel="next"'}
        first = "last" not in request.query
        return web.json_response({"tags": ["x" if first else "y"]}, headers=link if first else {})

    async with scripted(front, tls) as server:
        async with Registry(Access({server.host: HostAccess(ca_file=str(cert))}), QUICK) as registry:
            assert await registry.tags(Repository(server.host, "a")) == ["x", "y"]
        assert [request.scheme for request in server.asked] == ["https", "https"]


async def test_over_tls_only_the_registry_names_a_token_service(certificate: tuple[Path, Path]) -> None:
    """As on Docker Hub, tokens come from another host; the storage that holds the blobs cannot name a third."""
    cert, key = certificate
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(cert, key)

    def storage(request: web.Request) -> web.StreamResponse:
        challenge = f'Bearer realm="https://{third.host}/token"'
        return web.Response(status=401, headers={"WWW-Authenticate": challenge})

    def front(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") == "Bearer t":
            return web.Response(status=307, headers={"Location": f"https://{away.host}/blob"})
        challenge = f'Bearer realm="https://{tokens.host}/token",service="registry"'
        return web.Response(status=401, headers={"WWW-Authenticate": challenge})

    grant = {"token": "t"}
    async with (
        scripted(lambda request: web.json_response(grant), tls) as tokens,
        scripted(lambda request: web.json_response(grant), tls) as third,
        scripted(storage, tls) as away,
        scripted(front, tls) as server,
    ):
        settings = HostAccess(ca_file=str(cert), credentials=ROBOT)
        async with Registry(Access({server.host: settings}), QUICK) as registry:
            with pytest.raises(RegistryError, match=f"https://{away.host} refused"):
                await registry.blob(Repository(server.host, "a"), BLOB)
        assert "refresh_token=CANARY-IDENTITY" in await tokens.asked[0].text()
        assert third.asked == [] and "Authorization" not in away.asked[0].headers
