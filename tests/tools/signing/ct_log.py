"""A log of certificates that signs what it is shown (RFC 6962, section 3) and keeps none of it."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

_POISON = bytes.fromhex("060a2b06010401d679020403")  # 1.3.6.1.4.1.11129.2.4.3 in DER


@dataclass(frozen=True)
class CtLog:
    """The log at `url`."""

    port: int
    key: ec.EllipticCurvePrivateKey

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[CtLog]:
        """Until the end of the block."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        log = cls(server.server_port, ec.generate_private_key(ec.SECP256R1()))
        server.log = log  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield log
        finally:
            server.shutdown()
            server.server_close()

    @property
    def url(self) -> str:
        """The log's address."""
        return f"http://127.0.0.1:{self.port}/lab"

    @property
    def public_key(self) -> ec.EllipticCurvePublicKey:
        """What its timestamps are verified with."""
        return self.key.public_key()

    @property
    def log_id(self) -> bytes:
        """The hash of its key."""
        return hashlib.sha256(spki(self.public_key)).digest()

    def timestamp(self, tbs: bytes, issuer: x509.Certificate) -> tuple[int, bytes]:
        """When a certificate was seen, in milliseconds since 1970, and the signature of that; `tbs` is what the
        certificate's issuer signs, without the extension that holds timestamps or stands for them."""
        now = int(time.time() * 1000)
        issuer_key = hashlib.sha256(spki(issuer.public_key())).digest()  # type: ignore[arg-type]
        entry = struct.pack(">H", 1) + issuer_key + len(tbs).to_bytes(3, "big") + tbs
        signed = b"\0\0" + struct.pack(">Q", now) + entry + b"\0\0"
        signature = self.key.sign(signed, ec.ECDSA(hashes.SHA256()))
        return now, b"\x04\x03" + struct.pack(">H", len(signature)) + signature

    def extension(self, tbs: bytes, issuer: x509.Certificate) -> bytes:
        """The value of the extension with a timestamp."""
        now, signature = self.timestamp(tbs, issuer)
        sct = b"\0" + self.log_id + struct.pack(">Q", now) + b"\0\0" + signature
        listed = struct.pack(">H", len(sct)) + sct
        return der(0x04, struct.pack(">H", len(listed)) + listed)


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        log: CtLog = self.server.log  # type: ignore[attr-defined]
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        certificate, issuer = (x509.load_der_x509_certificate(base64.b64decode(c)) for c in body["chain"][:2])
        now, signature = log.timestamp(_without_poison(certificate.tbs_certificate_bytes), issuer)
        answer = {"sct_version": 0, "id": _b64(log.log_id), "timestamp": now, "extensions": ""}
        raw = json.dumps({**answer, "signature": _b64(signature)}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        pass


def spki(key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey) -> bytes:
    """A public key in DER."""
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def der(tag: int, body: bytes) -> bytes:
    """A value in DER."""
    size = len(body)
    length = bytes([size]) if size < 128 else b""
    if not length:
        octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
        length = bytes([0x80 | len(octets)]) + octets
    return bytes([tag]) + length + body


def _values(body: bytes) -> Iterator[tuple[int, bytes]]:
    """The values of a sequence: tag and content of each."""
    while body:
        tag, size, at = body[0], body[1], 2
        if size & 0x80:
            at += size & 0x7F
            size = int.from_bytes(body[2:at], "big")
        yield tag, body[at : at + size]
        body = body[at + size :]


def _without_poison(tbs: bytes) -> bytes:
    """A certificate to be signed without the extension that makes it a precertificate."""
    [(_, body)] = _values(tbs)
    *parts, (tag, wrapped) = _values(body)
    assert tag == 0xA3
    [(_, extensions)] = _values(wrapped)
    kept = b"".join(der(t, e) for t, e in _values(extensions) if not e.startswith(_POISON))
    return der(0x30, b"".join(der(t, p) for t, p in parts) + der(0xA3, der(0x30, kept)))


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
