"""Signatures as cosign wrote them before bundles: a manifest under the tag `sha256-<hex>.sig`, a layer for each.

Podman, Kyverno's `type: Cosign` and policy-controller with keys read no others (cosign's SIGNATURE_SPEC, "Storage").
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

from pipeline.model import Descriptor, Digest, Manifest, Repository
from pipeline.model.descriptor import OCI_CONFIG, OCI_MANIFEST
from pipeline.util.json.canonical import compact
from pipeline.util.json.values import as_object, as_text, parse_json

from .limits import PAYLOAD_BYTES
from .private_key import PrivateKey
from .public_key import PublicKey

PAYLOAD_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json"
_SIGNATURE = "dev.cosignproject.cosign/signature"
_TYPE = "cosign container image signature"


def signature_tag(digest: Digest) -> str:
    """The tag under which the signatures of a digest are."""
    return f"{digest.algorithm}-{digest.hex}.sig"


def signed_payload(repository: Repository, digest: Digest, private: PrivateKey) -> tuple[bytes, Descriptor]:
    """What is signed for an image in a repository, and its layer with the signature. Raises UsageError for a key that
    cannot sign."""
    payload = compact(
        {
            "critical": {
                "identity": {"docker-reference": str(repository)},
                "image": {"docker-manifest-digest": str(digest)},
                "type": _TYPE,
            },
            "optional": None,
        }
    )
    signature = base64.b64encode(private.sign(payload)).decode()
    return payload, Descriptor.of(payload, PAYLOAD_TYPE, annotations={_SIGNATURE: signature})


def is_readable(layer: Descriptor) -> bool:
    """Whether a layer can be a signature, by its kind and its size."""
    return (
        layer.media_type == PAYLOAD_TYPE and layer.size <= PAYLOAD_BYTES and _SIGNATURE in layer.annotations
    )


def signed_for(payload: bytes, layer: Descriptor, digest: Digest, key: PublicKey) -> str | None:
    """The repository for which a key has signed a digest with this layer; None if it has not."""
    try:
        signature = base64.b64decode(layer.annotations[_SIGNATURE], validate=True)
        critical = as_object(as_object(parse_json(payload, strict=True))["critical"])
        image, identity = as_object(critical["image"]), as_object(critical["identity"])
        named = as_text(image["docker-manifest-digest"]), as_text(critical["type"])
        repository = as_text(identity["docker-reference"])
    except (KeyError, ValueError):
        return None
    return repository if named == (str(digest), _TYPE) and key.verifies(signature, payload) else None


def signature_manifest(layers: Sequence[Descriptor]) -> tuple[Manifest, bytes]:
    """The manifest with these layers, and its configuration."""
    config = compact(
        {
            "architecture": "",
            "os": "",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [str(layer.digest) for layer in layers]},
        }
    )
    raw = compact(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": Descriptor.of(config, OCI_CONFIG).to_oci(),
            "layers": [layer.to_oci() for layer in layers],
        }
    )
    return Manifest.parse(raw, OCI_MANIFEST), config
