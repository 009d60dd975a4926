"""An image with all that may be attached to it, as documents for layouts and for registries."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from pipeline.model.descriptor import OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST
from pipeline.trust.bundle import BUNDLE_TYPE
from pipeline.trust.statement import PAYLOAD_TYPE, SIGNATURE, STATEMENT, pre_authentication_encoding
from tests.fuzz.hostile import changed_trees, encoded, to_bytes
from tests.oci.layers import Made, tar

KEY = ec.derive_private_key(7, ec.SECP256R1())
PEM = KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)
LAYER = gzip.compress(tar([Made("etc", "folder"), Made("etc/x", content=b"x")]), mtime=0)
CLAIMS = {
    "image": "app",
    "repository": "dev/app",
    "tag": "1.0.0",
    "tags": "1.0.0,1.0,1",
    "platform": "linux/amd64",
    "commit": "0" * 40,
    "key": "0" * 64,
}
REF_NAME = "org.opencontainers.image.ref.name"


def descriptor(name: str, media_type: str, **more: Any) -> dict[str, Any]:
    """A descriptor of a document by its name."""
    return {"mediaType": media_type, "digest": f"DIGEST({name})", "size": f"SIZE({name})", **more}


def bundle(payload: bytes) -> dict[str, Any]:
    """A sigstore bundle by `KEY`; equal payloads give equal bundles."""
    signature = KEY.sign(
        pre_authentication_encoding(PAYLOAD_TYPE, payload), ec.ECDSA(SHA256(), deterministic_signing=True)
    )
    return {
        "mediaType": BUNDLE_TYPE,
        "verificationMaterial": {"publicKey": {"hint": "x"}},
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
        },
    }


def statement(digest: str = "0" * 64) -> dict[str, Any]:
    """A statement about a digest, with claims."""
    return {
        "_type": STATEMENT,
        "subject": [{"digest": {"sha256": digest}, "annotations": dict(CLAIMS)}],
        "predicateType": SIGNATURE,
        "predicate": {"a": 1},
    }


CONFIG = {
    "os": "linux",
    "architecture": "amd64",
    "config": {"Env": ["A=b"], "Labels": {"x": "y"}},
    "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "1" * 64]},
    "history": [{"created_by": "RUN x"}],
}
_AMD64 = {"os": "linux", "architecture": "amd64"}
DOCUMENTS: dict[str, dict[str, Any]] = {
    "config": CONFIG,
    "manifest": {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor("config", OCI_CONFIG),
        "layers": [descriptor("layer", OCI_LAYER_GZIP)],
        "annotations": {"a": "b"},
    },
    "index": {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [descriptor("manifest", OCI_MANIFEST, platform=_AMD64)],
        "annotations": {"a": "b"},
    },
    "bundle": bundle(json.dumps(statement()).encode()),
    "referrer": {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": BUNDLE_TYPE,
        "config": descriptor("config", "application/vnd.oci.empty.v1+json"),
        "layers": [
            descriptor("bundle", BUNDLE_TYPE, annotations={"org.opencontainers.image.title": "a/b.json"})
        ],
        "subject": descriptor("index", OCI_INDEX),
    },
}
_NAMES = [
    "mediaType",
    "digest",
    "size",
    "subject",
    "manifests",
    "layers",
    "config",
    "platform",
    "data",
    "urls",
    "blobs",
]


@st.composite
def changed_documents(draw: DrawFn) -> list[tuple[str, bytes]]:
    """The documents in order, with changes in one or two of them; digests between them stay right."""
    changed = draw(st.sets(st.sampled_from([*DOCUMENTS, "layer"]), max_size=2))
    parts: list[tuple[str, bytes]] = [("layer", LAYER if "layer" not in changed else LAYER[:-7])]
    for name, document in DOCUMENTS.items():
        tree = draw(changed_trees([document], _NAMES)) if name in changed else document
        parts.append((name, to_bytes(encoded(tree))))
    return parts
