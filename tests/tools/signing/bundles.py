"""Bundles as cosign 3 writes them, signed by a key of this process."""

from __future__ import annotations

import base64
import json
import secrets
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from pipeline.trust.keypair import KeyPair, encrypt
from pipeline.trust.statement import PAYLOAD_TYPE, pre_authentication_encoding

PASSWORD = "password"
KEY = ec.derive_private_key(7, ec.SECP256R1())
OTHER_KEY = ec.derive_private_key(9, ec.SECP256R1())
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"


def public(key: Any = KEY) -> bytes:
    """The public half in PEM."""
    pem: bytes = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return pem


def pair(key: ec.EllipticCurvePrivateKey = KEY, origin: str = "test", password: str = PASSWORD) -> KeyPair:
    """Both halves as cosign keeps them, encrypted cheaply."""
    plain = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return KeyPair(public(key), origin, encrypt(plain, password, cost=16), password)


def new_pair() -> KeyPair:
    """A pair like no other, which the program decrypts: cosign takes no key whose password is so cheap to guess."""
    return pair(ec.generate_private_key(ec.SECP256R1()), "a generated key", secrets.token_urlsafe(32))


def signature(payload: bytes, key: ec.EllipticCurvePrivateKey = KEY, kind: str = PAYLOAD_TYPE) -> bytes:
    """The signature of an envelope."""
    return key.sign(pre_authentication_encoding(kind, payload), ec.ECDSA(SHA256()))


def b64(raw: bytes) -> str:
    """Base64 of the standard alphabet."""
    return base64.b64encode(raw).decode()


def bundle_of(payload: bytes, sig: bytes, /, **envelope: object) -> dict[str, Any]:
    """A bundle as an object; `envelope` replaces parts of the envelope."""
    return {
        "mediaType": BUNDLE,
        "verificationMaterial": {"publicKey": {"hint": "test"}},
        "dsseEnvelope": {
            "payload": b64(payload),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": b64(sig)}],
            **envelope,
        },
    }


def signed(payload: bytes, key: ec.EllipticCurvePrivateKey = KEY) -> bytes:
    """A bundle of a statement."""
    return json.dumps(bundle_of(payload, signature(payload, key))).encode()
