"""Decrypts private keys in cosign's format: PKCS #8 in NaCl's secretbox, with a key that scrypt derives.

Scrypt with cosign's parameters takes 64 MiB and a fifth of a second. `decrypt_ahead` leaves that to another process,
beside this program's other work and out of its memory. That process gets the password over a pipe, and returns what
opens the secretbox; it never has the private key. For a pair whose password is in a file, a file beside it keeps that.
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from pipeline.util.child_environment import child_environment
from pipeline.util.dataclass import dataclass
from pipeline.util.files import read_file, replace_file

if TYPE_CHECKING:
    from .keypair import KeyPair

_MEMORY = 256 * 1024 * 1024
"""What scrypt may take; cosign's own parameters take 64 MiB."""
_SECONDS = 30.0
_LENGTH = 32  # bytes of a key of secretbox
_MOST = 4  # decrypted keys that are kept: a project's own, and a new one while keys are rotated
_SCRYPT = """\
import hashlib, json, sys
given = json.load(sys.stdin.buffer)
sys.stdout.buffer.write(hashlib.scrypt(given.pop("password").encode(), salt=bytes.fromhex(given.pop("salt")), **given))
"""

_decrypted: dict[tuple[bytes, str], bytes] = {}


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A key as cosign writes it."""

    salt: bytes
    nonce: bytes
    ciphertext: bytes
    n: int
    r: int
    p: int

    @classmethod
    def parse(cls, sealed: bytes) -> _Sealed:
        """Raises ValueError, KeyError, TypeError."""
        begin, *body, end = sealed.strip().splitlines()
        if not (begin.startswith(b"-----BEGIN ENCRYPTED ") and end.startswith(b"-----END ENCRYPTED ")):
            raise ValueError("not an encrypted cosign key in PEM")
        document: Any = json.loads(base64.b64decode(b"".join(body), validate=True))
        kdf, cipher = document["kdf"], document["cipher"]
        if kdf["name"] != "scrypt" or cipher["name"] != "nacl/secretbox":
            raise ValueError("another encryption than scrypt and nacl/secretbox")
        parameters = kdf["params"]
        return cls(
            salt=base64.b64decode(kdf["salt"]),
            nonce=base64.b64decode(cipher["nonce"]),
            ciphertext=base64.b64decode(document["ciphertext"]),
            n=parameters["N"],
            r=parameters["r"],
            p=parameters["p"],
        )

    @property
    def scrypt(self) -> dict[str, int]:
        """Options of hashlib.scrypt."""
        return {"n": self.n, "r": self.r, "p": self.p, "maxmem": _MEMORY, "dklen": _LENGTH}

    def unseal(self, key: bytes) -> bytes:
        """Raises CryptoError for another key."""
        from nacl.secret import SecretBox

        return SecretBox(key).decrypt(self.ciphertext, self.nonce)


def decrypted(sealed: bytes, password: str) -> bytes:
    """The PKCS #8 in cosign's encrypted key; each is decrypted once in a process.

    Raises ValueError, KeyError, TypeError, CryptoError (wrong password).
    """
    if (known := _decrypted.get((sealed, password))) is not None:
        return known
    parsed = _Sealed.parse(sealed)
    return _keep(sealed, password, parsed.unseal(_derive(parsed, password)))


async def decrypt_ahead(pair: KeyPair) -> None:
    """Decrypt the private key of a pair for later calls of `decrypted`, without the memory that scrypt takes.

    Raises nothing: a key that cannot be decrypted is an error of whoever signs with it.
    """
    from nacl.exceptions import CryptoError

    if pair.private is None or (pair.private, pair.password) in _decrypted:
        return
    try:
        parsed = _Sealed.parse(pair.private)
        plain = pair.derived and _unsealed_by(pair.derived, parsed)
        if not plain:
            key = await _derive_elsewhere(parsed, pair.password)
            plain = parsed.unseal(key)
            if pair.derived:
                with suppress(OSError):  # it is derived again
                    replace_file(pair.derived, key, mode=0o600)
        _keep(pair.private, pair.password, plain)
    except (OSError, ValueError, KeyError, TypeError, CryptoError, subprocess.SubprocessError):
        return


def _unsealed_by(derived: Path, sealed: _Sealed) -> bytes | None:
    """What a key from this file opens; None where there is none, or that of another box."""
    from nacl.exceptions import CryptoError

    with suppress(OSError, ValueError, CryptoError):
        return sealed.unseal(read_file(derived, _LENGTH + 1))
    return None


async def _derive_elsewhere(sealed: _Sealed, password: str) -> bytes:
    given = {"password": password, "salt": sealed.salt.hex(), **sealed.scrypt}
    with anyio.fail_after(_SECONDS):
        done = await anyio.run_process(
            [sys.executable, "-I", "-S", "-c", _SCRYPT],
            input=json.dumps(given).encode(),
            stderr=subprocess.DEVNULL,
            env=child_environment("local", {}),  # it needs nothing
            start_new_session=True,  # Ctrl-C ends this program, which ends it
        )
    return done.stdout


def _derive(sealed: _Sealed, password: str) -> bytes:
    return hashlib.scrypt(password.encode(), salt=sealed.salt, **sealed.scrypt)


def _keep(sealed: bytes, password: str, key: bytes) -> bytes:
    while len(_decrypted) >= _MOST:
        _decrypted.pop(next(iter(_decrypted)), None)
    return _decrypted.setdefault((sealed, password), key)
