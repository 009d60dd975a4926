"""Sigstore bundles and the statements in them."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import strategies as st

from pipeline.trust import Bundle, PublicKey, Statement
from tests.fuzz.hostile import REFUSED, changed_json, changed_trees, encoded, to_bytes
from tests.fuzz.images import PEM, bundle, statement
from tests.fuzz.target import Target

_PUBLIC = PublicKey(PEM, "test")
_VALID = bundle(json.dumps(statement()).encode())


def read_bundle(content: bytes, folder: Path) -> None:
    """A bundle, and whether the key signed it."""
    found = Bundle.parse(content)
    _PUBLIC.signed(found)
    written = found.statement.to_json()
    assert Statement.from_json(json.loads(written)) == found.statement


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
