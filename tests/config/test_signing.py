"""`sign:` with the key of a key management service."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from pipeline.config.signing.entry import SignEntry
from pipeline.config.signing.values import KmsKey

KEY = {"public_key": "keys/release.pub"}


@pytest.mark.parametrize(
    "reference",
    [
        "awskms:///alias/release",
        "awskms://localhost:4566/arn:aws:kms:us-east-1:123456789012:key/0f9c6f5b-2e1d-4a7c-8b3e-6d9f0a1b2c3d",
        "gcpkms://projects/acme/locations/global/keyRings/release/cryptoKeys/images/versions/1",
        "azurekms://acme.vault.azure.net/release",
        "hashivault://release",
    ],
)
def test_references_are_those_of_cosign(reference: str) -> None:
    assert SignEntry.model_validate({"key": reference, **KEY}).kms == KmsKey(reference, "keys/release.pub")


def test_without_a_key_there_is_none() -> None:
    assert SignEntry.model_validate({}).kms is None


@pytest.mark.parametrize(
    ("sign", "problem"),
    [
        ({"key": "cosign.key", **KEY}, "is no key of a service"),
        ({"key": "env://COSIGN_PRIVATE_KEY", **KEY}, "is no key of a service"),
        ({"key": "hashivault://a b", **KEY}, "is no key of a service"),
        ({"key": "hashivault://a\n", **KEY}, "is no key of a service"),
        ({"key": "hashivault://a"}, "belong together"),
        (KEY, "belong together"),
        ({"key": "hashivault://a", "public_key": "../a.pub"}, "must be a path below"),
        ({"key": "hashivault://a", **KEY, "signatures": ["bundle", "tag"]}, "takes the key pair"),
        ({"key": "hashivault://a", **KEY, "keyless": {"identity": "a", "issuer": "b"}}, "exclude each other"),
    ],
)
def test_a_mistake_is_named(sign: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        SignEntry.model_validate(sign)
