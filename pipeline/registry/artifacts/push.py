"""OCI artifacts that are not images: files under their media types (image-spec v1.1, manifest.md, "Guidelines for
Artifact Usage"), named by the annotation `org.opencontainers.image.title` as ORAS does."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pipeline.errors import RegistryError, UsageError
from pipeline.model import Descriptor, Manifest, Reference
from pipeline.model.descriptor import EMPTY_JSON, OCI_EMPTY
from pipeline.oci.artifact import EMPTY_DESCRIPTOR, TITLE, artifact_manifest
from pipeline.util.canonical_json import compact

from .files import describe, read_small

if TYPE_CHECKING:
    from ..client import Registry

UNKNOWN = "application/vnd.unknown.artifact.v1"
"""The type of an artifact that has none of its own, as ORAS writes it."""
WASM = "application/wasm"
WASM_CONFIG = "application/vnd.wasm.config.v0+json"
_MEDIA_TYPE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\Z")
_CONFIG_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Part:
    """A file on disk and what it is; `title` is the name it shall have when it is pulled."""

    path: Path
    media_type: str
    title: str = ""

    @classmethod
    def parse(cls, text: str) -> Part:
        """Read `FILE:MEDIATYPE`; raises UsageError. A relative path below here is kept as the title."""
        name, colon, kind = text.rpartition(":")
        if not colon or not name or not _MEDIA_TYPE.match(kind):
            raise UsageError(
                f"{text[:200]!r} is not FILE:MEDIATYPE",
                hint="name the media type behind a colon: notes.json:application/json",
            )
        path = PurePosixPath(name)
        below = not path.is_absolute() and ".." not in path.parts
        return cls(Path(name), kind, str(path) if below else path.name)


@dataclass(frozen=True, slots=True)
class Artifact:
    """What a reference holds: its manifest's descriptor and type, its files as layers, what it refers to."""

    reference: Reference
    descriptor: Descriptor
    artifact_type: str
    config: Descriptor
    files: tuple[Descriptor, ...]
    annotations: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    subject: Descriptor | None = None
    written: bool = False
    """Whether this push wrote it; False when it was in place, and for what was only looked at."""

    def to_json(self) -> dict[str, Any]:
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


async def push_artifact(
    registry: Registry,
    reference: Reference,
    parts: Sequence[Part],
    *,
    artifact_type: str | None = None,
    annotations: Mapping[str, str] | None = None,
    subject: Reference | None = None,
    config: Part | None = None,
    wasm: bool = False,
) -> Artifact:
    """Write files as an artifact; the same files give the same digest, and a second push writes nothing.

    Without a tag it is written by its digest. `subject` must lie in the same repository; `wasm` writes the config
    of a Wasm module around the only file. Raises UsageError for files that do not go together, RegistryError.
    """
    repo = reference.repository
    files = [await _layer(part) for part in _checked(parts)]
    if artifact_type is not None and not _MEDIA_TYPE.match(artifact_type):
        raise UsageError(
            f"{artifact_type[:200]!r} is not a media type", hint="such as application/vnd.acme.v1"
        )
    if wasm:
        described, content = _wasm(parts, files), _wasm_config(files)
    elif config is not None:
        content = await read_small(config.path, _CONFIG_BYTES)
        described = Descriptor.of(content, config.media_type)
    else:
        described, content = EMPTY_DESCRIPTOR, EMPTY_JSON
    own_config = config is not None or wasm
    manifest = artifact_manifest(
        artifact_type or (None if own_config else UNKNOWN),
        files,
        config=described,
        subject=None if subject is None else await _subject(registry, reference, subject),
        annotations=annotations or {},
    )
    place = repo.tagged(reference.tag) if reference.tag else repo.at(manifest.digest)
    there = await registry.head(place)
    written = there is None or there.digest != manifest.digest
    if written:
        await registry.put_blob(repo, content, described)
        for part, layer in zip(parts, files, strict=True):
            await registry.put_blob(repo, part.path, layer)
        await registry.put_manifest(repo, manifest.raw, manifest.media_type, tag=reference.tag)
    return replace(_artifact(place, manifest), written=written)


async def show_artifact(registry: Registry, reference: Reference) -> Artifact:
    """What a reference holds; raises RegistryError if it is not there or is an index."""
    manifest = await registry.get_manifest(reference)
    if manifest is None:
        raise RegistryError(
            f"{reference} does not exist", hint=f"lockage artifact push {reference} FILE:MEDIATYPE"
        )
    if manifest.is_index:
        names = "\n".join(str(reference.repository.at(child.digest)) for child in manifest.children)
        raise RegistryError(
            f"{reference} is an index, not an artifact", hint="name one of what it lists", detail=names
        )
    return _artifact(reference, manifest)


def _artifact(reference: Reference, manifest: Manifest) -> Artifact:
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


def _checked(parts: Sequence[Part]) -> Sequence[Part]:
    if not parts:
        raise UsageError("an artifact needs a file", hint="lockage artifact push REF FILE:MEDIATYPE")
    titles = [part.title for part in parts]
    twice = next((title for title in titles if titles.count(title) > 1), None)
    if twice is not None:
        raise UsageError(
            f"two files would be called {twice!r}", hint="rename one of them, or run from elsewhere"
        )
    return parts


async def _layer(part: Part) -> Descriptor:
    digest, size = await describe(part.path)
    return Descriptor(part.media_type, digest, size, annotations={TITLE: part.title})


async def _subject(registry: Registry, reference: Reference, subject: Reference) -> Descriptor:
    if subject.repository != reference.repository:
        raise UsageError(
            f"{subject} is in another repository than {reference}",
            hint=f"push to {subject.repository}: what refers to an image lies beside it",
        )
    found = await registry.head(subject)
    if found is None:
        raise RegistryError(f"{subject} does not exist", hint="push the image first; then what refers to it")
    return Descriptor(found.media_type, found.digest, found.size)


def _wasm(parts: Sequence[Part], files: Sequence[Descriptor]) -> Descriptor:
    """The config's descriptor; raises UsageError unless there is one file and it is a Wasm module."""
    if len(files) != 1 or files[0].media_type != WASM:
        raise UsageError("--wasm takes one file", hint=f"lockage artifact push REF app.wasm:{WASM} --wasm")
    with parts[0].path.open("rb") as file:
        head = file.read(8)
    if head[:4] != b"\0asm":
        raise UsageError(f"{parts[0].path} is not WebAssembly", hint="it begins with other bytes than \\0asm")
    if head[4:] != b"\x01\0\0\0":
        raise UsageError(
            f"{parts[0].path} is a component, whose config must list its imports and exports",
            hint=f"write that config and name it: --config config.json:{WASM_CONFIG}",
        )
    return Descriptor.of(_wasm_config(files), WASM_CONFIG)


def _wasm_config(files: Sequence[Descriptor]) -> bytes:
    """The config of a module by the CNCF's "Wasm OCI Artifact layout"; its time is fixed, so are its bytes."""
    return compact(
        {
            "created": "1970-01-01T00:00:00Z",
            "architecture": "wasm",
            "os": "wasip1",
            "layerDigests": [str(layer.digest) for layer in files],
        }
    )
