"""Bundles are untrusted until a key has spoken: what is read, what is refused, what a key vouches for."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ConfigError
from pipeline.model import Digest
from pipeline.trust import SIGNATURE, Bundle, PublicKey, Statement
from pipeline.trust.attach import referrer_manifest
from tests.tools.signing.bundles import bundle_of, public, signed

SUBJECT = Digest.of(b"an image")


def public_key(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> PublicKey:
    return PublicKey(public(key), "test")


def bundle(statement: bytes, sig: bytes, **change: object) -> bytes:
    return json.dumps(bundle_of(statement, sig, **change)).encode()


@pytest.fixture(scope="module")
def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


PAYLOAD = Statement(SUBJECT, SIGNATURE, {}).to_json()


def test_a_key_vouches_for_what_it_signed_and_for_nothing_else(key: ec.EllipticCurvePrivateKey) -> None:
    bundle = Bundle.parse(signed(PAYLOAD, key))
    assert bundle.about(SUBJECT).subject == SUBJECT
    assert public_key(key).signed(bundle)
    assert not public_key(ec.generate_private_key(ec.SECP256R1())).signed(bundle)
    assert not public_key(ed25519.Ed25519PrivateKey.generate()).signed(bundle)


def test_another_payload_under_the_same_signature_is_not_signed(key: ec.EllipticCurvePrivateKey) -> None:
    honest = Bundle.parse(signed(PAYLOAD, key))
    forged = Statement(Digest.of(b"another image"), SIGNATURE, {}).to_json()
    assert not public_key(key).signed(Bundle.parse(bundle(forged, honest.signature)))


@given(position=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_one_flipped_bit_is_noticed(position: int, bit: int) -> None:
    key = ec.derive_private_key(7, ec.SECP256R1())
    raw = bytearray(Bundle.parse(signed(PAYLOAD, key)).payload)
    raw[position % len(raw)] ^= 1 << bit
    signature = Bundle.parse(signed(PAYLOAD, key)).signature
    try:
        found = Bundle.parse(bundle(bytes(raw), signature))
    except ValueError:
        return
    assert not public_key(key).signed(found)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"[]",
        b"[" * 100_000,
        bundle(PAYLOAD, b"x", payloadType="text/plain"),
        bundle(PAYLOAD, b"x", payload="not base64!"),
        bundle(b"{}", b"x"),
        bundle(b'{"_type":"https://in-toto.io/Statement/v1","subject":[]}', b"x"),
        bundle(PAYLOAD.replace(SUBJECT.hex.encode(), b"../../etc/passwd"), b"x"),
        bundle(PAYLOAD, b"x").replace(b"sigstore.bundle", b"other.bundle"),
    ],
)
def test_what_is_not_a_bundle_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError):
        Bundle.parse(raw)


@pytest.mark.parametrize(
    "statement",
    [
        PAYLOAD.replace(SUBJECT.hex.encode(), b"0" * 64),
        PAYLOAD.replace(SUBJECT.hex.encode(), SUBJECT.hex.upper().encode()),
        PAYLOAD.replace(b"sha256", b"sha512"),
    ],
)
def test_a_statement_about_another_digest_says_nothing_of_this_one(statement: bytes) -> None:
    with pytest.raises(ValueError, match="its subject is"):
        Bundle.parse(bundle(statement, b"x")).about(SUBJECT)


def test_of_several_subjects_each_is_found_with_its_annotations() -> None:
    other = Digest.of(b"another image")
    statement = json.loads(PAYLOAD)
    statement["subject"].append({"digest": {"sha256": other.hex}, "annotations": {"tag": "2"}})
    found = Bundle.parse(bundle(json.dumps(statement).encode(), b"x"))
    assert found.about(SUBJECT).annotations == {} and found.about(other).annotations == {"tag": "2"}


@given(st.binary(max_size=300))
def test_anything_at_all_is_read_or_refused(raw: bytes) -> None:
    with pytest.raises(ValueError):
        Bundle.parse(raw)


def test_a_key_that_is_none_says_where_it_came_from() -> None:
    with pytest.raises(ConfigError, match="configuration") as raised:
        PublicKey(b"-----BEGIN NOTHING-----", "team.pub")
    assert "team.pub: not a public key in PEM" in str(raised.value.detail)


def test_the_referrer_names_its_subject_and_is_the_same_each_time() -> None:
    from pipeline.model import Descriptor
    from pipeline.model.descriptor import OCI_INDEX

    subject = Descriptor(OCI_INDEX, SUBJECT, 123)
    raw = referrer_manifest(subject, b"bundle", SIGNATURE, 0).raw
    assert raw == referrer_manifest(subject, b"bundle", SIGNATURE, 0).raw
    data = json.loads(raw)
    assert data["subject"] == {"mediaType": OCI_INDEX, "digest": str(SUBJECT), "size": 123}
    assert data["annotations"]["org.opencontainers.image.created"] == "1970-01-01T00:00:00Z"
