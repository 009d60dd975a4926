"""Descriptors and media types (OCI image-spec v1.1, descriptor.md and media-types.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from .digest import Digest
from .platform import Platform

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"

MANIFEST_TYPES = (OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_INDEX)
INDEX_TYPES = (OCI_INDEX, DOCKER_INDEX)

EMPTY_JSON = b"{}"


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What is known of some content: its type, digest and size in bytes."""

    media_type: str
    digest: Digest
    size: int
    platform: Platform | None = None
    artifact_type: str | None = None
    annotations: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)

    @classmethod
    def of(cls, content: bytes, media_type: str, **more: Any) -> Descriptor:
        """Describe some bytes."""
        return cls(media_type, Digest.of(content), len(content), **more)

    @classmethod
    def from_oci(cls, data: Any) -> Descriptor:
        """Read a descriptor object; raises ValueError for anything that is not one."""
        if not isinstance(data, dict):
            raise ValueError("a descriptor must be an object")
        media_type, digest, size = data.get("mediaType"), data.get("digest"), data.get("size")
        if (
            not isinstance(media_type, str)
            or not isinstance(digest, str)
            or type(size) is not int
            or size < 0
        ):
            raise ValueError("a descriptor needs mediaType, digest and size")
        platform, kind, notes = data.get("platform"), data.get("artifactType"), data.get("annotations") or {}
        if kind is not None and not isinstance(kind, str):
            raise ValueError("artifactType must be a string")
        if not isinstance(notes, dict) or not all(isinstance(value, str) for value in notes.values()):
            raise ValueError("annotations must be strings")
        return cls(
            media_type,
            Digest(digest),
            size,
            _platform(platform) if isinstance(platform, dict) else None,
            kind,
            MappingProxyType(dict(notes)),
        )

    def to_oci(self) -> dict[str, Any]:
        """The descriptor object, keys in the order of the specification."""
        out: dict[str, Any] = {"mediaType": self.media_type, "digest": str(self.digest), "size": self.size}
        if self.annotations:
            out["annotations"] = dict(sorted(self.annotations.items()))
        if self.platform:
            out["platform"] = self.platform.to_oci()
        if self.artifact_type:
            out["artifactType"] = self.artifact_type
        return out


def _platform(data: dict[str, Any]) -> Platform | None:
    os, arch = data.get("os"), data.get("architecture")
    if not isinstance(os, str) or not isinstance(arch, str) or "unknown" in (os, arch):
        return None  # BuildKit's attestation manifests say unknown/unknown
    variant = data.get("variant")
    return Platform(
        os, arch, variant if isinstance(variant, str) and (arch, variant) != ("arm64", "v8") else None
    )
