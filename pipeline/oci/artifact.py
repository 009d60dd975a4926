"""Manifests of OCI artifacts that are not images (image-spec v1.1, manifest.md, "Guidelines for Artifact Usage")."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from pipeline.model import Descriptor, Digest, Manifest
from pipeline.model.descriptor import EMPTY_JSON, OCI_EMPTY, OCI_MANIFEST
from pipeline.util.json.canonical import compact

EMPTY_DESCRIPTOR = Descriptor.of(EMPTY_JSON, OCI_EMPTY)
"""The descriptor of the empty JSON object, the config of an artifact that has none of its own."""
TITLE = "org.opencontainers.image.title"
"""The annotation of a layer with its file name."""

_NO_ANNOTATIONS: Mapping[str, str] = MappingProxyType({})
_NOTHING_EMBEDDED: Mapping[Digest, bytes] = MappingProxyType({})


def artifact_manifest(
    artifact_type: str | None,
    layers: Sequence[Descriptor],
    *,
    config: Descriptor = EMPTY_DESCRIPTOR,
    subject: Descriptor | None = None,
    annotations: Mapping[str, str] = _NO_ANNOTATIONS,
    embedded: Mapping[Digest, bytes] = _NOTHING_EMBEDDED,
) -> Manifest:
    """The manifest of an artifact; equal arguments give equal bytes.

    `artifact_type` may be None if `config` has a media type of its own. Of `subject` only media type, digest and size
    are written. The content of layers in `embedded` is carried inside the manifest (descriptor.md, "Embedded Content").
    """
    manifest: dict[str, object] = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config.to_oci()}
    manifest["layers"] = [_layer(layer, embedded.get(layer.digest)) for layer in layers]
    if artifact_type is not None:
        manifest["artifactType"] = artifact_type
    if subject is not None:
        manifest["subject"] = Descriptor(subject.media_type, subject.digest, subject.size).to_oci()
    if annotations:
        manifest["annotations"] = dict(annotations)
    raw = compact(manifest)
    return Manifest(Descriptor.of(raw, OCI_MANIFEST), raw, MappingProxyType(manifest))


def _layer(layer: Descriptor, content: bytes | None) -> dict[str, object]:
    if content is None:
        return layer.to_oci()
    return layer.to_oci() | {"data": base64.b64encode(content).decode()}
