"""Descriptors and media types (OCI image-spec v1.1, descriptor.md and media-types.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType

from pipeline.util.dataclass import dataclass
from pipeline.util.sizes import size_text

from .digest import Digest
from .limits import DESCRIPTOR_BYTES, MEDIA_TYPE_CHARACTERS, PLATFORM_CHARACTERS
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

_NO_ANNOTATIONS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Descriptor:
    """The media type, digest and size in bytes of some content."""

    media_type: str
    digest: Digest
    size: int
    platform: Platform | None = None
    artifact_type: str | None = None
    annotations: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)

    @property
    def is_distributed(self) -> bool:
        """Whether registries hold it: not a layer that its publisher alone may serve, as those of Windows."""
        return "nondistributable" not in self.media_type and ".foreign." not in self.media_type

    @classmethod
    def of(
        cls, content: bytes, media_type: str, *, annotations: Mapping[str, str] = _NO_ANNOTATIONS
    ) -> Descriptor:
        """The descriptor of some bytes."""
        return cls(media_type, Digest.of(content), len(content), annotations=annotations)

    @classmethod
    def from_oci(cls, data: object) -> Descriptor:
        """Read a descriptor object; raises ValueError if it is invalid."""
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
        if size > DESCRIPTOR_BYTES:
            raise ValueError(f"a descriptor states more than {size_text(DESCRIPTOR_BYTES)}")
        if len(media_type) > MEDIA_TYPE_CHARACTERS:
            raise ValueError(f"a mediaType has more than {MEDIA_TYPE_CHARACTERS} characters")
        platform, artifact_type = data.get("platform"), data.get("artifactType")
        annotations = data.get("annotations") or {}
        if artifact_type is not None and not isinstance(artifact_type, str):
            raise ValueError("artifactType must be a string")
        if artifact_type is not None and len(artifact_type) > MEDIA_TYPE_CHARACTERS:
            raise ValueError(f"an artifactType has more than {MEDIA_TYPE_CHARACTERS} characters")
        if not isinstance(annotations, dict) or not all(isinstance(v, str) for v in annotations.values()):
            raise ValueError("annotations must be strings")
        try:
            "".join((media_type, artifact_type or "", *annotations, *annotations.values())).encode()
        except UnicodeEncodeError:
            raise ValueError("half a surrogate pair in a string") from None
        return cls(
            media_type,
            Digest(digest),
            size,
            _platform(platform) if isinstance(platform, dict) else None,
            artifact_type,
            MappingProxyType(dict(annotations)),
        )

    def to_oci(self) -> dict[str, object]:
        """The descriptor object, keys in the order of the specification."""
        data: dict[str, object] = {
            "mediaType": self.media_type,
            "digest": str(self.digest),
            "size": self.size,
        }
        if self.annotations:
            data["annotations"] = dict(sorted(self.annotations.items()))
        if self.platform:
            data["platform"] = self.platform.to_oci()
        if self.artifact_type:
            data["artifactType"] = self.artifact_type
        return data


def _platform(data: dict[str, object]) -> Platform | None:
    os, arch = data.get("os"), data.get("architecture")
    if not isinstance(os, str) or not isinstance(arch, str) or "unknown" in (os, arch):
        return None  # BuildKit lists attestations as unknown/unknown
    variant = data.get("variant")
    platform = Platform(
        os,
        arch,
        variant if isinstance(variant, str) and variant and (arch, variant) != ("arm64", "v8") else None,
    )
    if len(str(platform)) > PLATFORM_CHARACTERS:
        raise ValueError(f"a platform has more than {PLATFORM_CHARACTERS} characters")
    return platform
