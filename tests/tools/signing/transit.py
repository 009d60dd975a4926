"""The part of HashiCorp Vault's transit engine that cosign signs with: https://developer.hashicorp.com/vault/api-docs/secret/transit.

No Vault can be had here: its module does not compile as a dependency, and OpenBao is not on the module proxy. So this
answers cosign's requests with a key of the test's, and counts signatures; it refuses a token that is not its own.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils


@dataclass
class Transit:
    """A running engine with one ECDSA key, `release`."""

    port: int
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    token: str = field(default_factory=lambda: f"hvs.{secrets.token_urlsafe(24)}")
    signed: int = 0

    @property
    def public(self) -> bytes:
        """The public half in PEM."""
        encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        return self.key.public_key().public_bytes(encoding, form)

    @property
    def environ(self) -> dict[str, str]:
        """The variables by which cosign reaches it."""
        return {"VAULT_ADDR": f"http://127.0.0.1:{self.port}", "VAULT_TOKEN": self.token}

    def answer(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """The data of a response; None for what is not there."""
        if method == "GET" and path == "/v1/transit/keys/release":
            version = {"name": "P-256", "public_key": self.public.decode()}
            return {"keys": {"1": version}, "latest_version": 1, "type": "ecdsa-p256"}
        if method == "PUT" and path.startswith("/v1/transit/sign/release"):
            self.signed += 1
            digest = base64.b64decode(body["input"])
            signature = self.key.sign(digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))
            return {"signature": f"vault:v1:{base64.b64encode(signature).decode()}"}
        if method == "PUT" and path.startswith("/v1/transit/verify/release"):
            signature = base64.b64decode(body["signature"].removeprefix("vault:v1:"))
            digest, scheme = base64.b64decode(body["input"]), ec.ECDSA(utils.Prehashed(hashes.SHA256()))
            try:
                self.key.public_key().verify(signature, digest, scheme)
            except InvalidSignature:
                return {"valid": False}
            return {"valid": True}
        return None


@contextmanager
def transit() -> Iterator[Transit]:
    """Until the end of the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    engine = Transit(server.server_port)
    server.engine = engine  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield engine
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer("GET")

    def do_PUT(self) -> None:
        self._answer("PUT")

    def do_POST(self) -> None:
        self._answer("PUT")

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def _answer(self, method: str) -> None:
        engine: Transit = self.server.engine  # type: ignore[attr-defined]
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        if self.headers.get("X-Vault-Token") != engine.token:
            self._send(403, {"errors": ["permission denied"]})
            return
        data = engine.answer(method, self.path.partition("?")[0], body)
        self._send(200 if data else 404, {"data": data} if data else {"errors": []})

    def _send(self, status: int, data: object) -> None:
        raw = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)
