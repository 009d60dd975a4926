"""Bundles are untrusted until a key has spoken: what is read, what is refused, what a key vouches for."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ConfigError
from pipeline.model import Digest
from pipeline.trust import SIGNATURE, Bundle, PublicKey, Statement
from pipeline.trust.attach import referrer_manifest
from pipeline.trust.statement import PAYLOAD_TYPE, pre_authentication_encoding

SUBJECT = Digest.of(b"an image")


def public(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> PublicKey:
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return PublicKey(pem, "test")


def bundle(statement: bytes, signature: bytes, **change: object) -> bytes:
    envelope = {
        "payload": base64.b64encode(statement).decode(),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"sig": base64.b64encode(signature).decode()}],
    }
    kind = "application/vnd.dev.sigstore.bundle.v0.3+json"
    return json.dumps({"mediaType": kind, "dsseEnvelope": envelope | change}).encode()


def signed(key: ec.EllipticCurvePrivateKey, payload: bytes) -> bytes:
    message = pre_authentication_encoding(PAYLOAD_TYPE, payload)
    return bundle(payload, key.sign(message, ec.ECDSA(SHA256())))


@pytest.fixture(scope="module")
def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


PAYLOAD = Statement(SUBJECT, SIGNATURE, {}).to_json()


def test_a_key_vouches_for_what_it_signed_and_for_nothing_else(key: ec.EllipticCurvePrivateKey) -> None:
    bundle = Bundle.parse(signed(key, PAYLOAD))
    assert bundle.statement.subject == SUBJECT
    assert public(key).signed(bundle)
    assert not public(ec.generate_private_key(ec.SECP256R1())).signed(bundle)
    assert not public(ed25519.Ed25519PrivateKey.generate()).signed(bundle)


def test_another_payload_under_the_same_signature_is_not_signed(key: ec.EllipticCurvePrivateKey) -> None:
    honest = Bundle.parse(signed(key, PAYLOAD))
    forged = Statement(Digest.of(b"another image"), SIGNATURE, {}).to_json()
    assert not public(key).signed(Bundle.parse(bundle(forged, honest.signatures[0])))


@given(position=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_one_flipped_bit_is_noticed(position: int, bit: int) -> None:
    key = ec.derive_private_key(7, ec.SECP256R1())
    raw = bytearray(Bundle.parse(signed(key, PAYLOAD)).payload)
    raw[position % len(raw)] ^= 1 << bit
    signature = Bundle.parse(signed(key, PAYLOAD)).signatures[0]
    try:
        found = Bundle.parse(bundle(bytes(raw), signature))
    except ValueError:
        return
    assert not public(key).signed(found)


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
        bundle(PAYLOAD.replace(b'"subject":[{', b'"subject":[{},{'), b"x"),
        bundle(PAYLOAD.replace(SUBJECT.hex.encode(), b"../../etc/passwd"), b"x"),
        bundle(PAYLOAD, b"x").replace(b"sigstore.bundle", b"other.bundle"),
    ],
)
def test_what_is_not_a_bundle_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError):
        Bundle.parse(raw)


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
