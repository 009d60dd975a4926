"""An OCI image layout on disk, written once and never changed (OCI image-spec v1.1, image-layout.md)."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from pipeline.model import Descriptor, Digest, Platform
from pipeline.model.descriptor import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST
from pipeline.util.canonical_json import compact

if TYPE_CHECKING:
    from .layers import SeedLayer

_REF_NAME = "org.opencontainers.image.ref.name"
CREATED = "1970-01-01T00:00:00Z"


class BlobWriter:
    """Writes one blob under its own digest; nothing is left behind if the block fails."""

    def __init__(self, blobs: Path) -> None:
        blobs.mkdir(parents=True, exist_ok=True)
        self._folder = blobs
        self._part = blobs / f".part-{os.getpid()}-{secrets.token_hex(4)}"
        self._hash = hashlib.sha256()
        self._size = 0

    def __enter__(self) -> BlobWriter:
        self._file = self._part.open("wb")
        return self

    def write(self, data: bytes) -> None:
        """Append to the blob."""
        self._hash.update(data)
        self._size += len(data)
        self._file.write(data)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if kind is None:
            self._part.replace(self._folder / self._hash.hexdigest())
        else:
            self._part.unlink(missing_ok=True)

    def descriptor(self, media_type: str) -> Descriptor:
        """What was written, once the block has ended."""
        return Descriptor(media_type, Digest(f"sha256:{self._hash.hexdigest()}"), self._size)


@dataclass(frozen=True, slots=True)
class SeedLayout:
    """A layout folder under construction. `finish` names its one root."""

    root: Path

    @property
    def blobs(self) -> Path:
        """Where blobs with a sha256 digest lie."""
        return self.root / "blobs" / "sha256"

    def put(self, content: bytes, media_type: str) -> Descriptor:
        """Write some bytes as a blob."""
        with BlobWriter(self.blobs) as blob:
            blob.write(content)
        return blob.descriptor(media_type)

    def image(self, layers: Sequence[SeedLayer], config: ImageConfig) -> Descriptor:
        """Write config and manifest of an image; gives the manifest with its platform (image-spec config.md)."""
        body = self.put(compact(config.to_oci([layer.diff_id for layer in layers])), OCI_CONFIG)
        manifest = self.manifest(body, [layer.descriptor for layer in layers])
        return replace(manifest, platform=config.platform)

    def manifest(self, config: Descriptor, layers: Sequence[Descriptor]) -> Descriptor:
        """Write a manifest over what is already here (image-spec manifest.md)."""
        body = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": config.to_oci(),
            "layers": [layer.to_oci() for layer in layers],
        }
        return self.put(compact(body), OCI_MANIFEST)

    def index(self, manifests: Sequence[Descriptor]) -> Descriptor:
        """Write an index of manifests that are already here (image-spec image-index.md)."""
        body = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [m.to_oci() for m in manifests]}
        return self.put(compact(body), OCI_INDEX)

    def finish(self, root: Descriptor, tag: str) -> None:
        """Make the folder a layout whose only entry is `root`, named `tag`."""
        entry = replace(root, platform=None, annotations={_REF_NAME: tag})
        (self.root / "oci-layout").write_bytes(compact({"imageLayoutVersion": "1.0.0"}))
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry.to_oci()]}
        (self.root / "index.json").write_bytes(compact(index))


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """What the configuration of a seeded image says; the rest is fixed."""

    platform: Platform
    history: Sequence[str]
    env: Sequence[str] = ()
    entrypoint: Sequence[str] = ()
    cmd: Sequence[str] = ()
    user: str = ""
    workdir: str = ""
    labels: Mapping[str, str] | None = None
    volumes: Sequence[str] = ()
    created: str = CREATED

    def to_oci(self, diff_ids: Sequence[Digest]) -> dict[str, Any]:
        """The configuration object for layers with these uncompressed digests."""
        run = {
            "Env": list(self.env),
            "Entrypoint": list(self.entrypoint),
            "Cmd": list(self.cmd),
            "User": self.user,
            "WorkingDir": self.workdir,
            "Labels": dict(self.labels or {}),
            "Volumes": {path: {} for path in self.volumes},
        }
        return {
            **self.platform.to_oci(),
            "created": self.created,
            "config": {key: value for key, value in run.items() if value},
            "rootfs": {"type": "layers", "diff_ids": [str(d) for d in diff_ids]},
            "history": [{"created": self.created, "created_by": step} for step in self.history],
        }
