"""The private half of a key pair in this process: a signature needs no engine, and takes a millisecond."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from pipeline.errors import UsageError

from .decryption import decrypt_ahead, decrypted
from .keypair import KeyPair

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


class PrivateKey:
    """The private key of a pair. It is decrypted when it first signs, unless `decrypt_ahead` has done so."""

    def __init__(self, pair: KeyPair) -> None:
        self._pair = pair

    async def decrypt(self) -> None:
        """Decrypt the key before it signs, out of this program's memory. Raises nothing: `sign` does."""
        await decrypt_ahead(self._pair)

    def sign(self, message: bytes) -> bytes:
        """The signature of a message, the same each time (RFC 6979 for ECDSA), so that what is stored again is the same
        bytes; as `PublicKey.verifies` expects it (ECDSA, Ed25519 or RSA PKCS1v15).

        Raises UsageError for a key that cannot be decrypted, or that does not belong to the pair's public key.
        """
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding
        from cryptography.hazmat.primitives.hashes import SHA256

        match key := self._key:
            case ec.EllipticCurvePrivateKey():
                return key.sign(message, ec.ECDSA(SHA256(), deterministic_signing=True))
            case ed25519.Ed25519PrivateKey():
                return key.sign(message)
            case _:
                return key.sign(message, padding.PKCS1v15(), SHA256())

    @cached_property
    def _key(self) -> Key:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
        from cryptography.hazmat.primitives.serialization import load_der_private_key
        from nacl.exceptions import CryptoError

        pair = self._pair
        try:
            key = load_der_private_key(decrypted(pair.sealed, pair.password), password=None)
        except (ValueError, KeyError, TypeError, CryptoError, UnsupportedAlgorithm) as fault:
            raise UsageError(
                f"the private key that belongs to {pair.origin} cannot be decrypted: {fault}",
                hint="check COSIGN_PRIVATE_KEY and COSIGN_PASSWORD; the key is what `cosign generate-key-pair` writes",
            ) from None
        if not isinstance(key, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey):
            raise UsageError(
                f"the private key that belongs to {pair.origin} is of a kind that is not supported"
            )
        if not pair.public_key.belongs_to(key):
            raise UsageError(
                f"the private key does not belong to the public key ({pair.origin}); nothing was signed",
                hint="give both halves of one pair: COSIGN_PRIVATE_KEY and COSIGN_PUBLIC_KEY",
            )
        return key


def pair_of(sealed: bytes, password: str, origin: str) -> KeyPair:
    """The pair of a private key in cosign's format. Raises UsageError for one that cannot be decrypted."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key
    from nacl.exceptions import CryptoError

    try:
        key = load_der_private_key(decrypted(sealed, password), password=None)
    except (ValueError, KeyError, TypeError, CryptoError, UnsupportedAlgorithm) as fault:
        raise UsageError(
            f"the private key {origin} cannot be decrypted: {fault}",
            hint="check COSIGN_PASSWORD; the key is what `cosign generate-key-pair` writes",
        ) from None
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return KeyPair(public, origin, sealed, password)
