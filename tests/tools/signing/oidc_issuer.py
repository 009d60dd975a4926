"""An OIDC issuer: discovery and keys over HTTP, tokens on request, and GitHub's request for a job's token."""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

_KEY_ID = "tests"


@dataclass
class Issuer:
    """Issuers at paths of one server, with one key.

    `workflow` has the claims of the job that asks as GitHub's would, with the bearer token `request_token`; `requests`
    are the paths that were requested.
    """

    port: int
    key: rsa.RSAPrivateKey
    workflow: Mapping[str, str] = field(default_factory=dict)
    request_token: str = field(default_factory=lambda: secrets.token_hex(16))
    requests: list[str] = field(default_factory=list)

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[Issuer]:
        """Until the end of the block."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        issuer = cls(server.server_port, rsa.generate_private_key(65537, 2048))
        server.issuer = issuer  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield issuer
        finally:
            server.shutdown()
            server.server_close()

    def url(self, path: str) -> str:
        """The issuer at a path."""
        return f"http://127.0.0.1:{self.port}/{path}"

    def request_url(self, path: str) -> str:
        """Where a job asks for its token; like GitHub's it has a query already."""
        return f"{self.url(path)}/job-token?api-version=2.0"

    def mint(self, path: str, claims: Mapping[str, Any], lifetime: int = 600) -> str:
        """A signed token with these claims beside the usual ones; `lifetime` is in seconds."""
        now = int(time.time())
        usual = {"iss": self.url(path), "aud": "sigstore", "sub": "somebody", "iat": now, "nbf": now - 5}
        body = _part({**usual, "exp": now + lifetime, "jti": secrets.token_hex(8), **claims})
        text = f"{_part({'alg': 'RS256', 'typ': 'JWT', 'kid': _KEY_ID})}.{body}"
        return f"{text}.{_b64(self.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    def keys(self) -> dict[str, Any]:
        """The key as a set of JSON web keys."""
        numbers = self.key.public_key().public_numbers()
        n, e = (_b64(value.to_bytes(length, "big")) for value, length in ((numbers.n, 256), (numbers.e, 3)))
        return {"keys": [{"kty": "RSA", "kid": _KEY_ID, "use": "sig", "alg": "RS256", "n": n, "e": e}]}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        issuer: Issuer = self.server.issuer  # type: ignore[attr-defined]
        address = urlsplit(self.path)
        _, path, *rest = address.path.split("/")
        issuer.requests.append(address.path)
        answers = {
            ".well-known/openid-configuration": _discovery(issuer.url(path)),
            "keys": issuer.keys(),
        }
        answer = answers.get("/".join(rest))
        if rest == ["job-token"] and self.headers["Authorization"] == f"Bearer {issuer.request_token}":
            (audience,) = parse_qs(address.query)["audience"]
            answer = {"count": 1, "value": issuer.mint(path, {**issuer.workflow, "aud": audience})}
        raw = json.dumps(answer).encode()
        self.send_response(200 if answer else 403 if rest == ["job-token"] else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        pass


def _discovery(url: str) -> dict[str, Any]:
    return {
        "issuer": url,
        "jwks_uri": f"{url}/keys",
        "authorization_endpoint": f"{url}/auth",
        "token_endpoint": f"{url}/token",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }


def _part(data: Mapping[str, Any]) -> str:
    return _b64(json.dumps(data).encode())


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
