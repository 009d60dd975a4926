"""Origins of addresses, and which token services get credentials."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import RegistryError
from pipeline.registry import Access, HostAccess
from pipeline.registry.auth.realm import checked_realm
from pipeline.registry.http.addresses import origin_of, resolve

SITE = Access(
    {
        "registry.lan:5000": HostAccess(insecure_http=True),
        "tokens.lan": HostAccess(insecure_http=True),
        "localhost:7000": HostAccess(insecure_http=True, address="service:5000"),
        "localhost:8000": HostAccess(ca_file="/ca.pem"),
    }
)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://GHCR.io:443/v2/?a=b%2Fc", "https://ghcr.io"),
        ("HTTP://ghcr.io:80", "http://ghcr.io"),
        ("http://ghcr.io:443/", "http://ghcr.io:443"),
        ("https://[::1]:5000/v2/", "https://[::1]:5000"),
        ("https://ghcr.io./v2/", "https://ghcr.io."),
        ("https://ghcr.io/@evil.example", "https://ghcr.io"),
        ("https://evil.example/?x=ghcr.io", "https://evil.example"),
    ],
)
def test_origins(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "x",
            "//host/",
            "ftp://host/",
            "file:///etc/passwd",
            "https:///x",
            "http://x:99999/",
            "http://x:0/",
        ),
        *("http://[", "https://u@host/", "https://u:CANARY@host/", "https://@host/", "https://host\\@evil/"),
        *("https://ho st/", "https://host\t/", "https://host/\r\nX: y", "https://ghcr.io\u2100/"),
        "https://CANARY@ghcr.io\u2100/",
    ],
)
def test_addresses_without_an_origin(url: str) -> None:
    with pytest.raises(ValueError, match="address") as caught:
        origin_of(url)
    assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize(
    "reference",
    ["http://[", "//u:CANARY@evil.example/", "https://evil\\@ghcr.io/", "ftp://ghcr.io/", "//x:99999/"],
)
def test_references_that_lead_nowhere(reference: str) -> None:
    with pytest.raises(ValueError, match="address") as caught:
        resolve("https://ghcr.io/v2/", reference)
    assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize(
    ("reference", "target"),
    [
        ("/v2/?a=b%2Fc", "https://ghcr.io/v2/?a=b%2Fc"),
        ("next", "https://ghcr.io/v2/next"),
        ("//evil.example/x", "https://evil.example/x"),
        (" https://evil.example ", "https://evil.example"),
    ],
)
def test_references(reference: str, target: str) -> None:
    assert resolve("https://ghcr.io/v2/", reference) == target


@given(st.text(max_size=80), st.sampled_from(["", "//", "https://", "http://", "https://a@", "/"]))
def test_no_address_is_more_than_refused(text: str, prefix: str) -> None:
    try:
        target = resolve("https://ghcr.io/v2/", prefix + text)
    except ValueError as fault:
        assert "address" in str(fault)
    else:
        assert origin_of(target).startswith(("http://", "https://"))


@pytest.mark.parametrize(
    ("host", "realm"),
    [
        ("docker.io", "https://auth.docker.io/token"),
        ("ghcr.io", "https://ghcr.io/token"),
        ("localhost:5000", "http://localhost:5000/token"),
        ("localhost:5000", "http://127.0.0.1:6000/token?x=y"),
        ("localhost:5000", "https://tokens.example/"),
        ("registry.lan:5000", "http://registry.lan:5001/token"),
        ("registry.lan:5000", "http://tokens.lan/token"),
        ("registry.lan:5000", "http://localhost:5001/token"),
        ("localhost:7000", "http://service:5000/token"),
    ],
)
def test_token_services_that_get_credentials(host: str, realm: str) -> None:
    assert checked_realm(SITE, host, realm) == realm


@pytest.mark.parametrize(
    ("host", "realm"),
    [
        ("ghcr.io", "http://ghcr.io/token"),
        ("ghcr.io", "http://localhost:5000/token"),
        ("ghcr.io", "http://tokens.lan/token"),
        ("ghcr.io", "https://robot:CANARY@ghcr.io/token"),
        ("ghcr.io", "https://ghcr.io\\@evil.example/token"),
        ("localhost:5000", "http://evil.example/token"),
        ("localhost:5000", "http://CANARY@localhost:5000/token"),
        ("registry.lan:5000", "http://evil.example/token"),
        ("registry.lan:5000", "http://registry.lan.evil.example/token"),
        ("localhost:8000", "http://localhost:8000/token"),
    ],
)
def test_token_services_that_get_none(host: str, realm: str) -> None:
    with pytest.raises(RegistryError, match=f"{host} names .* as its token service") as caught:
        checked_realm(SITE, host, realm)
    assert caught.value.hint and caught.value.detail
    assert "CANARY" not in str(caught.value.to_json())
