"""One true bundle, and edits of it: of its envelope, its material, its statement."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from pipeline.model import Descriptor, Digest
from pipeline.model.descriptor import EMPTY_JSON, OCI_EMPTY, OCI_MANIFEST
from pipeline.trust import SIGNATURE, PublicKey
from pipeline.trust.statement import PAYLOAD_TYPE, pre_authentication_encoding
from pipeline.util.json.canonical import compact
from tests.tools.signing.bundles import BUNDLE, b64, bundle_of, public, signature

IMAGE = compact(
    {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": Descriptor.of(EMPTY_JSON, OCI_EMPTY).to_oci(),
        "layers": [],
    }
)


SUBJECT = Digest.of(IMAGE)


STATEMENT: dict[str, Any] = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"digest": {"sha256": SUBJECT.hex}, "annotations": {"tag": "1.2.3", "commit": "abc"}}],
    "predicateType": SIGNATURE,
    "predicate": {},
}


PREFIX = "application/vnd.dev.sigstore.bundle"


def payload(**changes: Any) -> bytes:
    """The statement with some changes."""
    return json.dumps({k: v for k, v in (STATEMENT | changes).items() if v is not ...}).encode()


def subject(**changes: Any) -> bytes:
    """The statement with a changed subject."""
    return payload(subject=[{k: v for k, v in (STATEMENT["subject"][0] | changes).items() if v is not ...}])


TRUE = payload()


SIG = signature(TRUE)


@dataclass(frozen=True)
class Variant:
    """The bytes of a bundle, and how its referrer describes them."""

    raw: bytes
    layer_type: str = BUNDLE
    layers: int = 1


def signing(statement: bytes, **envelope: object) -> bytes:
    """A bundle with another statement, truly signed."""
    return json.dumps(bundle_of(statement, signature(statement), **envelope)).encode()


def edited(edit: Callable[[dict[str, Any]], object]) -> bytes:
    """The true bundle with an edit."""
    data = copy.deepcopy(bundle_of(TRUE, SIG))
    edit(data)
    return json.dumps(data).encode()


def text(old: str, new: str) -> bytes:
    """The true bundle with another text in one place."""
    raw = json.dumps(bundle_of(TRUE, SIG))
    assert old in raw
    return raw.replace(old, new, 1).encode()


def material(**parts: Any) -> bytes:
    """The true bundle with another verification material."""
    return edited(lambda d: d.update(verificationMaterial=parts))


def envelope(**parts: Any) -> bytes:
    """The true bundle with changes to its envelope."""
    return edited(lambda d: d["dsseEnvelope"].update(parts))


def media_type(kind: Any) -> bytes:
    """The true bundle of another media type."""
    return edited(lambda d: d.update(mediaType=kind))


def raw_statement(old: str, new: str) -> bytes:
    """A statement with another text in one place, truly signed."""
    assert old.encode() in TRUE
    return signing(TRUE.replace(old.encode(), new.encode(), 1))


def log_entry(**changes: Any) -> dict[str, Any]:
    """An entry of a transparency log as Rekor writes it."""
    digest = hashlib.sha256(pre_authentication_encoding(PAYLOAD_TYPE, TRUE)).hexdigest()
    body = {
        "apiVersion": "0.0.1",
        "kind": "hashedrekord",
        "spec": {
            "data": {"hash": {"algorithm": "sha256", "value": digest}},
            "signature": {"content": b64(SIG), "publicKey": {"content": b64(public())}},
        },
    }
    entry = {
        "logIndex": "17",
        "logId": {"keyId": b64(b"k" * 32)},
        "kindVersion": {"kind": "hashedrekord", "version": "0.0.1"},
        "integratedTime": "1700000000",
        "inclusionPromise": {"signedEntryTimestamp": b64(b"set")},
        "inclusionProof": {
            "logIndex": "17",
            "rootHash": b64(b"r" * 32),
            "treeSize": "18",
            "hashes": [b64(b"h" * 32)],
            "checkpoint": {"envelope": "rekor\n18\n"},
        },
        "canonicalizedBody": b64(json.dumps(body).encode()),
    }
    return {k: v for k, v in (entry | changes).items() if v is not ...}


def logged(**changes: Any) -> bytes:
    """The true bundle with an entry of a transparency log."""
    return material(publicKey={"hint": "x"}, tlogEntries=[log_entry(**changes)])


HINT = {"hint": "test"}


NESTED = "[" * 400 + "]" * 400


P, S = b64(TRUE), b64(SIG)


OTHER = signature(TRUE, ec.derive_private_key(8, ec.SECP256R1()))


URL_SAFE = next(s for s in (signature(TRUE) for _ in iter(int, 1)) if b"-" in base64.urlsafe_b64encode(s))


FINGERPRINT = PublicKey(public(), "test").key_id
