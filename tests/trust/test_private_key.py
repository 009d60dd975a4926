"""The private half in this process: cosign's format, signatures that are the same each time, one clear error."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.errors import UsageError
from pipeline.trust import PublicKey
from pipeline.trust.dsse import Envelope
from pipeline.trust.private_key import PrivateKey
from tests.tools.signing.bundles import KEY, OTHER_KEY, pair, public


def test_equal_statements_are_equal_envelopes_that_only_the_pair_verifies() -> None:
    one, again = (Envelope.sign(b"{}", PrivateKey(pair()), "") for _ in range(2))
    assert one == again == Envelope.parse(one.to_json())
    assert one.signed_by(PublicKey(public(KEY), "own"))
    assert not one.signed_by(PublicKey(public(OTHER_KEY), "other"))
    assert not replace(one, payload=b"[]").signed_by(PublicKey(public(KEY), "own"))


def test_a_wrong_password_and_halves_of_two_pairs_are_one_error() -> None:
    with pytest.raises(UsageError, match="cannot be decrypted"):
        PrivateKey(replace(pair(), password="wrong")).sign(b"x")
    with pytest.raises(UsageError, match="does not belong to the public key"):
        PrivateKey(replace(pair(), public=public(OTHER_KEY))).sign(b"x")
    with pytest.raises(UsageError, match="cannot be decrypted"):
        PrivateKey(replace(pair(), private=b"-----BEGIN PRIVATE KEY-----\n")).sign(b"x")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"payloadType": "text/plain", "payload": "e30=", "signatures": [{"sig": "e30="}]}',
        '{"payloadType": "application/vnd.in-toto+json", "payload": "e30=", "signatures": []}',
        '{"payloadType": "application/vnd.in-toto+json", "payload": "*", "signatures": [{"sig": "e30="}]}',
        '{"payloadType": "application/vnd.in-toto+json", "payloadType": "x", "payload": "", "signatures": []}',
        " " * 20_000,
    ],
)
def test_what_is_no_envelope_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Envelope.parse(text)
