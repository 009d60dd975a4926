"""Secrets that registries, proxies and the HTTP library put into their messages."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest
from aiohttp import web

from pipeline.errors import RegistryError, UsageError
from pipeline.model import Descriptor, Repository
from pipeline.registry import Access, ClientSettings, Registry, access_from_environ
from pipeline.registry.auth.environ import proxies_from_environ
from pipeline.registry.http.redaction import Redactor, without_users
from tests.registry.hostile import PASSWORD_ONLY, READY, ROBOT, known, leading
from tests.registry.scripted_server import scripted

QUICK = ClientSettings(backoff=0.001, backoff_max=0.01, attempts=2)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("url='http://u:pw@proxy.lan:1/'", "url='http://proxy.lan:1/'"),
        ("see https://u@a/ and http://:pw@b?c=d@e", "see https://a/ and http://b?c=d@e"),
        ("http://u:p@w@proxy/", "http://proxy/"),
        ("https://ghcr.io/a@sha256:00", "https://ghcr.io/a@sha256:00"),
        ("mail a@b.example, or a://b, c@d", "mail a@b.example, or a://b, c@d"),
    ],
)
def test_users_of_urls(text: str, shown: str) -> None:
    assert without_users(text) == shown


def test_secrets_in_every_form() -> None:
    redact = Redactor(["http://u:CAN%2FARY@proxy.lan:3128", "http://proxy.lan", "http://only-user@proxy.lan"])
    redact.add("pass/word", "x", "")
    redact.add_header("Bearer a.token")
    pair = base64.b64encode(b"u:CAN/ARY").decode()
    text = f"CAN/ARY CAN%2FARY {pair} pass/word {quote('pass/word', safe='')} a.token x"
    assert redact(text) == "*** *** *** *** *** *** x"
    token = "eyJ" + "0123456789" * 20
    redact.add_header(f"Bearer {token}")
    assert redact(f"got '{token}' or {token[:100]} or {token[:40].upper()}, {token[3:40]}") == (
        f"got '***' or *** or ***, {token[3:40]}"
    )


@pytest.mark.parametrize(
    "address",
    [
        *("http://u:CANARY@proxy.lan:99999", "http://u:CANARY@proxy.lan:port", "socks5://u:CANARY@proxy.lan"),
        *(
            "http://u:CANARY/x@proxy.lan",
            "http://u:CANARY#x@proxy.lan:1",
            "http://CANARY?x@proxy.lan",
            "CANARY@[",
        ),
    ],
)
def test_an_invalid_proxy_is_reported_without_its_password(address: str) -> None:
    with pytest.raises(UsageError, match=r"HTTPS_PROXY: .* is not the address of an HTTP proxy") as caught:
        proxies_from_environ({"HTTPS_PROXY": address})
    assert "CANARY" not in str(caught.value.to_json()) and caught.value.hint


@pytest.mark.real
@pytest.mark.anyio
@pytest.mark.parametrize("status", [403, 407, 502])
async def test_a_proxy_that_refuses(status: int) -> None:
    def script(request: web.Request) -> web.StreamResponse:
        reason = f"no {request.headers.get('Proxy-Authorization')}"
        return web.Response(status=status, reason=reason, text=reason)

    async with scripted(script) as proxy:
        env = dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY"), f"http://u:CANARY-PROXY@{proxy.host}")
        env["LOCKAGE_PLAIN_HTTP"] = "plain.invalid"
        async with Registry(access_from_environ(env), QUICK) as registry:
            for host in ("registry.invalid", "plain.invalid"):
                with pytest.raises(RegistryError) as caught:
                    await registry.ping(host)
                assert "CANARY" not in shown(caught.value)
                assert base64.b64encode(b"u:CANARY-PROXY").decode() not in shown(caught.value)


@pytest.mark.real
@pytest.mark.anyio
async def test_a_proxy_that_is_not_there() -> None:
    proxies = {"https": "http://u:CANARY-PROXY@localhost:1"}
    async with Registry(Access(proxies=proxies), QUICK) as registry:
        with pytest.raises(RegistryError) as caught:
            await registry.ping("registry.invalid")
        assert "CANARY" not in shown(caught.value)


@pytest.mark.real
@pytest.mark.anyio
@pytest.mark.parametrize("guarded", ["token", "basic"])
@pytest.mark.parametrize("as_json", [True, False])
async def test_a_registry_that_repeats_what_it_got(guarded: str, as_json: bool) -> None:
    """Header and password, also where the text is cut off in their midst."""

    for used in (PASSWORD_ONLY,) if guarded == "basic" else (PASSWORD_ONLY, ROBOT, READY):
        parts = (used.password, used.identity_token, used.registry_token, "https://u:CANARY@x.example/")

        def lead(request: web.Request, target: str, parts: tuple[str, ...] = parts) -> web.StreamResponse:
            got = request.headers["Authorization"]
            secret = got.partition(" ")[2]
            padding = "." * (300 - len(got) - len(secret) // 2)
            text = f"{' '.join(parts)} {got} {padding}{secret} {' '.join(parts)}"
            if as_json:
                return web.json_response({"errors": [{"code": secret, "message": text}]}, status=403)
            return web.Response(status=403, text=text)

        async with leading(lead, "", guarded) as server, Registry(known(server, used), QUICK) as registry:
            with pytest.raises(RegistryError, match="403"):
                await registry.head(Repository(server.host, "a").tagged("1"))
            with pytest.raises(RegistryError, match="403") as caught:
                await registry.get_manifest(Repository(server.host, "a").tagged("1"))
        text = shown(caught.value)
        assert "***" in text and "https://x.example/" in text
        for secret in ("CANARY", "own-token", base64.b64encode(b"robot:CANARY-PASSWORD").decode()[:12]):
            assert secret not in text


@pytest.mark.real
@pytest.mark.anyio
@pytest.mark.parametrize("header", ["Docker-Content-Digest", "Content-Encoding", "Content-Type"])
async def test_a_registry_that_repeats_it_in_a_header(header: str) -> None:
    def lead(request: web.Request, target: str) -> web.StreamResponse:
        secret = request.headers["Authorization"].partition(" ")[2]
        return web.Response(
            status=201 if request.method == "PUT" else 200, headers={header: secret}, body=b"{}"
        )

    async with leading(lead, "", "token") as server, Registry(known(server), QUICK) as registry:
        repo = Repository(server.host, "a")
        with pytest.raises(RegistryError) as caught:
            await registry.get_manifest(repo.tagged("1"))
        assert "own-token" not in shown(caught.value)
        with pytest.raises(RegistryError) as caught:
            await registry.blob(repo, Descriptor.of(b"{ }", ""))
        assert "own-token" not in shown(caught.value)


def shown(error: RegistryError) -> str:
    """Everything of an error that can be printed."""
    return f"{error.message} {error.hint} {error.detail} {error.to_json()} {error.args}"
