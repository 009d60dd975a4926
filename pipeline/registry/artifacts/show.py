"""What a reference to an artifact holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType
from typing import TYPE_CHECKING

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest, Manifest, Reference
from pipeline.model.descriptor import OCI_EMPTY
from pipeline.oci.artifact import TITLE
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from ..client import Registry

UNKNOWN = "application/vnd.unknown.artifact.v1"
"""The type of an artifact that has none of its own, as ORAS writes it."""
_SHOWN_ENTRIES = 50


@dataclass(frozen=True, slots=True)
class Artifact:
    """An artifact in a registry: its manifest's descriptor and type, its files as layers, its subject."""

    reference: Reference
    descriptor: Descriptor
    artifact_type: str
    config: Descriptor
    files: tuple[Descriptor, ...]
    annotations: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    subject: Descriptor | None = None
    written: bool = False
    """Whether this push wrote it; False if it was there already, and if it was only read."""
    before: Digest | None = None
    """What its tag named before this push."""

    def to_json(self) -> dict[str, object]:
        """As plain data, for `--json`."""
        return {
            "reference": str(self.reference.pinned(self.descriptor.digest)),
            "digest": str(self.descriptor.digest),
            "artifact_type": self.artifact_type,
            "config": self.config.to_oci(),
            "files": [{"title": d.annotations.get(TITLE), **d.to_oci()} for d in self.files],
            "annotations": dict(sorted(self.annotations.items())),
            "subject": self.subject.to_oci() if self.subject else None,
            "written": self.written,
        }


async def show_artifact(registry: Registry, reference: Reference) -> Artifact:
    """The artifact behind a reference; raises RegistryError if there is none or it is an index."""
    manifest = await registry.get_manifest(reference)
    if manifest is None:
        raise RegistryError(
            f"{reference} does not exist", hint=f"lockage artifact push {reference} FILE:MEDIATYPE"
        )
    if manifest.is_index:
        children = manifest.children
        lines = [str(reference.repository.at(child.digest)) for child in children[:_SHOWN_ENTRIES]]
        lines += [f"and {len(children) - _SHOWN_ENTRIES} others"] * (len(children) > _SHOWN_ENTRIES)
        raise RegistryError(
            f"{reference} is an index, not an artifact",
            hint="name one of its entries",
            detail="\n".join(lines),
        )
    return artifact_of(reference, manifest)


def artifact_of(reference: Reference, manifest: Manifest) -> Artifact:
    """The artifact that a manifest describes; not for an index."""
    config = manifest.config
    assert config is not None
    return Artifact(
        reference,
        manifest.descriptor,
        manifest.artifact_type or UNKNOWN,
        config,
        tuple(layer for layer in manifest.layers if layer.media_type != OCI_EMPTY),
        MappingProxyType(dict(manifest.annotations)),
        manifest.subject,
    )
