"""Sigstore bundles and the statements in them."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import strategies as st

from pipeline.model import Digest, Reference
from pipeline.model.verification.identity import Identity, Pattern
from pipeline.trust.bundle import Bundle
from pipeline.trust.claims import Claims
from pipeline.trust.keyless import IdentitySignatory, read_services
from pipeline.trust.keyless.services import TrustFile
from pipeline.trust.public_key import PublicKey
from pipeline.trust.statement import Statements
from tests.fuzz.hostile import REFUSED, changed_json, changed_trees, encoded, to_bytes
from tests.fuzz.images import PEM, bundle, statement
from tests.fuzz.target import Target

_PUBLIC = PublicKey(PEM, "test")
_SUBJECT = Digest("sha256:" + "0" * 64)
_REFERENCE = Reference.parse("ghcr.io/acme/app:1.0.0")
_VALID = bundle(json.dumps(statement()).encode())
_KEYLESS = Path(__file__).parents[2] / "data" / "keyless"
"""A bundle and what verifies it, of a Sigstore of the tests (tools/signing/sigstore_services.py) that is no more."""
_CERTIFIED = json.loads((_KEYLESS / "bundle.json").read_text())
_ANYBODY = IdentitySignatory(
    Identity(Pattern("^.*$", regexp=True), Pattern("^.*$", regexp=True)),
    read_services(TrustFile((_KEYLESS / "trusted-root.json").read_bytes(), "test")),
)
assert not isinstance(_ANYBODY.statement(json.dumps(_CERTIFIED).encode(), _SUBJECT), str)


def read_bundle(content: bytes, folder: Path) -> None:
    """A bundle, whether the key signed it, and what the statement claims."""
    verified = _PUBLIC.statement(content, _SUBJECT)
    found = Bundle.parse(content).about(_SUBJECT)
    assert verified == found or isinstance(verified, str)
    assert Statements.parse(found.to_json()).about(_SUBJECT) == found
    if claims := Claims.of(found.annotations):
        claims.unmet(claims)
        claims.unmet_by(_REFERENCE)
        assert Claims.of(claims.annotations()) == claims


def read_certified(content: bytes, folder: Path) -> None:
    """A bundle with a certificate: what the library verifies is what was read, whatever it raises inside."""
    verified = _ANYBODY.statement(content, _SUBJECT)
    found = Bundle.parse_certified(content).about(_SUBJECT)
    assert verified == found or isinstance(verified, str)


def read_key(content: bytes, folder: Path) -> None:
    """A public key in PEM."""
    PublicKey(content, "test").signed(Bundle.parse(json.dumps(_VALID).encode()))


_names = [
    "sig",
    "keyid",
    "payload",
    "payloadType",
    "signatures",
    "messageSignature",
    "mediaType",
    "subject",
    "digest",
]
TARGETS = (
    Target(
        "bundles",
        changed_json([_VALID], _names)
        | changed_trees([statement()], _names).map(
            lambda tree: json.dumps(bundle(to_bytes(encoded(tree)))).encode()
        ),
        read_bundle,
        errors=REFUSED,
    ),
    Target(
        "certified-bundles",
        changed_json([_CERTIFIED], [*_names, "certificate", "rawBytes", "tlogEntries", "rfc3161Timestamps"]),
        read_certified,
        errors=REFUSED,
    ),
    Target(
        "keys",
        st.one_of(
            st.binary(max_size=64),
            st.integers(0, len(PEM)).flatmap(
                lambda at: st.builds(lambda extra: PEM[:at] + extra + PEM[at + 1 :], st.binary(max_size=4))
            ),
        ),
        read_key,
        examples=60,
    ),
)
