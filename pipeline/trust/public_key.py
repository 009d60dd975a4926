"""Public keys, and whether one of them signed a bundle."""

from __future__ import annotations

import base64
import hashlib
from functools import cached_property
from typing import TYPE_CHECKING

from pipeline.errors import ConfigError, Problem
from pipeline.model import Digest

from .bundle import Bundle
from .statement import PAYLOAD_TYPE, Statement, pre_authentication_encoding

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes


class PublicKey:
    """A public key in PEM, as `cosign generate-key-pair` writes it; `origin` is the name for messages."""

    def __init__(self, pem: bytes, origin: str) -> None:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        try:
            self._key = load_pem_public_key(pem)
        except (ValueError, UnsupportedAlgorithm) as fault:
            reason, _, _ = str(fault).partition(". See ")
            hint = "cosign public-key --key cosign.key writes one"
            raise ConfigError(
                [Problem(origin, 0, 0, "", f"not a public key in PEM: {reason}", hint)]
            ) from None
        self.origin = origin

    @property
    def remedy(self) -> str:
        """What to do about an image that this key did not sign."""
        return (
            "lockage sign, or name the key that signed it: --key FILE; keyless: --certificate-identity and "
            "--certificate-oidc-issuer"
        )

    def statement(self, raw: bytes, digest: Digest) -> Statement | str:
        """The statement about a digest in a bundle that this key signed, or why there is none."""
        try:
            bundle = Bundle.parse(raw)
            statement = bundle.about(digest)
        except ValueError as fault:
            return str(fault)
        return statement if self.signed(bundle) else f"not signed by {self.origin}"

    def signed(self, bundle: Bundle) -> bool:
        """Whether the signature of the bundle is by this key (ECDSA, Ed25519 or RSA PKCS1v15).

        A signature that names another key is not, as with DSSE's reference implementation.
        """
        return self.signed_payload(bundle.payload, bundle.signature, bundle.key_id)

    def signed_payload(self, payload: bytes, signature: bytes, key_id: str = "") -> bool:
        """Whether a signature of an in-toto statement in a DSSE envelope is by this key; `key_id` as in `signed`."""
        if key_id and self.key_id not in ("", key_id):
            return False
        return self.verifies(signature, pre_authentication_encoding(PAYLOAD_TYPE, payload))

    @property
    def fingerprint(self) -> Digest:
        """The digest of the key itself (SubjectPublicKeyInfo in DER), however its PEM is written."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return Digest.of(self._key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))

    @property
    def pem(self) -> str:
        """The key alone, as PEM, whatever else its file holds."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return self._key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def belongs_to(self, private: CertificateIssuerPrivateKeyTypes) -> bool:
        """Whether it is the public half of a private key."""
        return bool(self._key == private.public_key())

    @cached_property
    def key_id(self) -> str:
        """The key's fingerprint as SSH writes it; empty for a kind of key that SSH does not know."""
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        try:
            line = self._key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        except (ValueError, UnsupportedAlgorithm):
            return ""
        digest = hashlib.sha256(base64.b64decode(line.split()[1])).digest()
        return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether a signature of a message is by this key (ECDSA, Ed25519 or RSA PKCS1v15)."""
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
