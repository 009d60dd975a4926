"""OCI image layouts under construction (OCI image-spec v1.1, image-layout.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from types import MappingProxyType

from pipeline.model import Descriptor, Digest, Platform
from pipeline.model.descriptor import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST
from pipeline.oci.artifact import artifact_manifest
from pipeline.oci.layout import REF_NAME, Layout
from pipeline.util.dataclass import dataclass
from pipeline.util.json.canonical import compact

from .layers import BuiltLayer

CREATED = "1970-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """The variable parts of an image's configuration."""

    platform: Platform
    history: tuple[str, ...]
    env: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    user: str = ""
    workdir: str = ""
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    volumes: tuple[str, ...] = ()
    created: str = CREATED

    def to_oci(self, diff_ids: Sequence[Digest]) -> dict[str, object]:
        """The configuration object for layers with these uncompressed digests (image-spec config.md)."""
        execution: dict[str, object] = {
            "Env": list(self.env),
            "Entrypoint": list(self.entrypoint),
            "Cmd": list(self.cmd),
            "User": self.user,
            "WorkingDir": self.workdir,
            "Labels": dict(self.labels),
            "Volumes": {path: {} for path in self.volumes},
        }
        return {
            **self.platform.to_oci(),
            "created": self.created,
            "config": {key: value for key, value in execution.items() if value},
            "rootfs": {"type": "layers", "diff_ids": [str(diff_id) for diff_id in diff_ids]},
            "history": [{"created": self.created, "created_by": step} for step in self.history],
        }


@dataclass(frozen=True, slots=True)
class LayoutBuilder:
    """A layout folder under construction. `finish` makes it a layout with one entry."""

    root: Path

    @property
    def blobs(self) -> Path:
        """The folder of blobs with a sha256 digest."""
        return self.root / "blobs" / "sha256"

    def put(self, content: bytes, media_type: str) -> Descriptor:
        """Write some bytes as a blob."""
        return Layout(self.root).put(content, media_type)

    def image(self, layers: Sequence[BuiltLayer], config: ImageConfig) -> Descriptor:
        """Write configuration and manifest of an image; returns the manifest's descriptor with its platform."""
        content = compact(config.to_oci([layer.diff_id for layer in layers]))
        manifest = self.manifest(self.put(content, OCI_CONFIG), [layer.descriptor for layer in layers])
        return replace(manifest, platform=config.platform)

    def manifest(self, config: Descriptor, layers: Sequence[Descriptor]) -> Descriptor:
        """Write a manifest of blobs that the layout has (image-spec manifest.md)."""
        return self.put(artifact_manifest(None, layers, config=config).raw, OCI_MANIFEST)

    def index(self, manifests: Sequence[Descriptor]) -> Descriptor:
        """Write an index of manifests that the layout has (image-spec image-index.md)."""
        entries = [manifest.to_oci() for manifest in manifests]
        return self.put(
            compact({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}), OCI_INDEX
        )

    def finish(self, manifest: Descriptor, tag: str | None) -> None:
        """Make the folder a layout whose only entry is `manifest`, named `tag` if there is one."""
        annotations = {REF_NAME: tag} if tag else {}
        Layout.create(self.root).add(replace(manifest, platform=None, annotations=annotations))
