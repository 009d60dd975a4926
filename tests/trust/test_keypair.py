"""A key pair signs with its private half only where there is one, and never shows it."""

from __future__ import annotations

import pytest

from pipeline.errors import UsageError
from pipeline.model import Digest
from pipeline.trust.keypair import KeyPair, generate


def test_a_generated_pair_hides_its_private_half() -> None:
    pair = generate()
    shown = repr(pair)
    assert pair.sealed.startswith(b"-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n")
    assert pair.password and pair.password not in shown
    assert pair.sealed.decode().splitlines()[1] not in shown
    assert pair.fingerprint == Digest.of(pair.public)
    assert pair.public_key.origin == pair.origin


def test_without_a_private_half_there_is_nothing_to_sign_with() -> None:
    with pytest.raises(UsageError, match=r"^no private key to sign with \(only cosign\.pub\)$"):
        _ = KeyPair(b"public", "cosign.pub").sealed
