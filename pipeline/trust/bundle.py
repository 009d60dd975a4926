"""Sigstore bundles v0.3 with a DSSE envelope, and their verification by a public key.

Cosign 3 stores a bundle as an OCI referrer of the image (cosign's BUNDLE_SPEC).
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from pipeline.errors import ConfigError, Problem

from .statement import PAYLOAD_TYPE, Statement, pre_authentication_encoding

BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
MAX_BUNDLE = 64 * 1024 * 1024
"""The largest bundle that is read, in bytes."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A signed statement: the statement, the bytes that were signed, and their signatures."""

    statement: Statement
    payload: bytes
    signatures: tuple[bytes, ...]

    @classmethod
    def parse(cls, raw: bytes) -> Bundle:
        """Read a bundle; raises ValueError unless it contains an in-toto statement."""
        if len(raw) > MAX_BUNDLE:
            raise ValueError(f"a bundle of {len(raw)} bytes is larger than {MAX_BUNDLE}")
        try:
            data: Any = json.loads(raw)
            if not str(data["mediaType"]).startswith("application/vnd.dev.sigstore.bundle"):
                raise ValueError(f"media type {data['mediaType']!r} is not a sigstore bundle")
            envelope = data["dsseEnvelope"]
            if envelope["payloadType"] != PAYLOAD_TYPE:
                raise ValueError(f"payload type {envelope['payloadType']!r} is not in-toto")
            payload = base64.b64decode(envelope["payload"], validate=True)
            signatures = tuple(base64.b64decode(s["sig"], validate=True) for s in envelope["signatures"])
            return cls(Statement.from_json(json.loads(payload)), payload, signatures)
        except (KeyError, TypeError, RecursionError, binascii.Error) as fault:
            raise ValueError(f"not a sigstore bundle: {fault!r}") from None


class PublicKey:
    """A public key in PEM, as `cosign generate-key-pair` writes it; `origin` is the name for messages."""

    def __init__(self, pem: bytes, origin: str) -> None:
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        try:
            self._key = load_pem_public_key(pem)
        except ValueError as fault:
            raise ConfigError([Problem(origin, 0, 0, "", f"not a public key in PEM: {fault}")]) from None
        self.origin = origin

    def signed(self, bundle: Bundle) -> bool:
        """Whether at least one signature of the bundle is by this key (ECDSA, Ed25519 or RSA PKCS1v15)."""
        message = pre_authentication_encoding(PAYLOAD_TYPE, bundle.payload)
        return any(self._verifies(signature, message) for signature in bundle.signatures)

    def _verifies(self, signature: bytes, message: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
        from cryptography.hazmat.primitives.hashes import SHA256

        try:
            match self._key:
                case ec.EllipticCurvePublicKey():
                    self._key.verify(signature, message, ec.ECDSA(SHA256()))
                case ed25519.Ed25519PublicKey():
                    self._key.verify(signature, message)
                case rsa.RSAPublicKey():
                    self._key.verify(signature, message, padding.PKCS1v15(), SHA256())
                case _:
                    return False
        except InvalidSignature:
            return False
        return True
