"""Key pairs in cosign's format, generated so that a machine without a key can sign from the first run on.

The private key is PKCS #8, encrypted with scrypt and NaCl's secretbox as `cosign generate-key-pair` does it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import field
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.model import Digest
from pipeline.util.dataclass import dataclass

from .public_key import PublicKey

_N, _R, _P = 65536, 8, 1
_BEGIN, _END = (
    b"-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----",
    b"-----END ENCRYPTED SIGSTORE PRIVATE KEY-----",
)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A cosign key pair in PEM. The private key is encrypted with `password`, and None to only verify.

    `origin` names the public key in messages. `derived` is the file that keeps what opens the private key, so that it
    is derived from the password once: for a password that is in a file beside it, which gives away as much.
    """

    public: bytes
    origin: str
    private: bytes | None = field(default=None, repr=False)
    password: str = field(default="", repr=False)
    derived: Path | None = None

    @property
    def fingerprint(self) -> Digest:
        """The digest of the public key."""
        return Digest.of(self.public)

    @property
    def public_key(self) -> PublicKey:
        """The public key, to verify bundles. Raises ConfigError if it is not a key in PEM."""
        return PublicKey(self.public, self.origin)

    @property
    def sealed(self) -> bytes:
        """The encrypted private key. Raises UsageError if there is none."""
        if self.private is None:
            raise UsageError(
                f"no private key to sign with (only {self.origin})",
                hint="set COSIGN_PRIVATE_KEY, COSIGN_PUBLIC_KEY and COSIGN_PASSWORD",
            )
        return self.private


def generate() -> KeyPair:
    """Generate an ECDSA P-256 key pair with a random password."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    plain = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    password = secrets.token_urlsafe(32)
    return KeyPair(public, "a generated key", encrypt(plain, password), password)


def encrypt(plain: bytes, password: str, *, cost: int = _N) -> bytes:
    """A private key (PKCS #8) in cosign's format; `cost` is scrypt's N."""
    from nacl.secret import SecretBox

    salt, nonce = secrets.token_bytes(32), secrets.token_bytes(SecretBox.NONCE_SIZE)
    key = hashlib.scrypt(password.encode(), salt=salt, n=cost, r=_R, p=_P, maxmem=256 * _N * _R, dklen=32)
    ciphertext = SecretBox(key).encrypt(plain, nonce).ciphertext
    document = json.dumps(
        {
            "kdf": {"name": "scrypt", "params": {"N": cost, "r": _R, "p": _P}, "salt": _base64(salt)},
            "cipher": {"name": "nacl/secretbox", "nonce": _base64(nonce)},
            "ciphertext": _base64(ciphertext),
        }
    ).encode()
    body = base64.b64encode(document)
    lines = [body[i : i + 64] for i in range(0, len(body), 64)]
    return b"\n".join([_BEGIN, *lines, _END, b""])


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
