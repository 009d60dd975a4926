"""Pushing files as an artifact under their media types, titled as ORAS does (`org.opencontainers.image.title`)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING

from pipeline.errors import RegistryError, UsageError
from pipeline.model import Descriptor, Reference
from pipeline.model.descriptor import EMPTY_JSON, OCI_EMPTY
from pipeline.oci.artifact import TITLE, artifact_manifest
from pipeline.util.dataclass import dataclass

from .files import describe, read_small
from .show import UNKNOWN, Artifact, artifact_of
from .wasm import WASM_CONFIG, module_config

if TYPE_CHECKING:
    from ..client import Registry

_MEDIA_TYPE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\Z")
_CONFIG_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Part:
    """A file on disk and its media type; `title` is the name it gets when it is pulled."""

    path: Path
    media_type: str
    title: str = ""

    @classmethod
    def parse(cls, text: str) -> Part:
        """Read `FILE:MEDIATYPE`; raises UsageError. A relative path that does not lead upwards becomes the title."""
        name, colon, media_type = text.rpartition(":")
        if not colon or not name or not _MEDIA_TYPE.match(media_type):
            raise UsageError(
                f"{text[:200]!r} is not FILE:MEDIATYPE",
                hint="add the media type after a colon: notes.json:application/json",
            )
        path = PurePosixPath(name)
        below = not path.is_absolute() and ".." not in path.parts
        return cls(Path(name), media_type, str(path) if below else path.name)


@dataclass(frozen=True, slots=True)
class ArtifactFiles:
    """What an artifact is made of: its files, and either a config file or (`wasm`) the config of a Wasm module."""

    parts: Sequence[Part]
    artifact_type: str | None = None
    annotations: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    config: Part | None = None
    wasm: bool = False


async def push_artifact(
    registry: Registry, reference: Reference, files: ArtifactFiles, *, subject: Reference | None = None
) -> Artifact:
    """Push files as an artifact; equal files give an equal digest, and a second push writes nothing.

    Without a tag it is pushed by digest. `subject` must be in the same repository. Raises UsageError for files that
    do not go together, RegistryError.
    """
    repo = reference.repository
    _check(files)
    layers = [await _layer(part) for part in files.parts]
    content, config_type = await _config(files, layers)
    config = Descriptor.of(content, config_type)
    manifest = artifact_manifest(
        files.artifact_type or (UNKNOWN if config_type == OCI_EMPTY and files.config is None else None),
        layers,
        config=config,
        subject=None if subject is None else await _subject(registry, reference, subject),
        annotations=files.annotations,
    )
    target = repo.tagged(reference.tag) if reference.tag else repo.at(manifest.digest)
    current = await registry.head(target)
    written = current is None or current.digest != manifest.digest
    if written:
        await registry.put_blob(repo, content, config)
        for part, layer in zip(files.parts, layers, strict=True):
            await registry.put_blob(repo, part.path, layer)
        await registry.put_manifest(repo, manifest.raw, manifest.media_type, tag=reference.tag)
    before = current.digest if current else None
    return replace(artifact_of(target, manifest), written=written, before=before)


def _check(files: ArtifactFiles) -> None:
    if not files.parts:
        raise UsageError("an artifact needs a file", hint="lockage artifact push REF FILE:MEDIATYPE")
    titles = [part.title for part in files.parts]
    duplicate = next((title for title in titles if titles.count(title) > 1), None)
    if duplicate is not None:
        raise UsageError(
            f"two files would be called {duplicate!r}", hint="rename one of them, or run from another folder"
        )


async def _layer(part: Part) -> Descriptor:
    digest, size = await describe(part.path)
    return Descriptor(part.media_type, digest, size, annotations={TITLE: part.title})


async def _config(files: ArtifactFiles, layers: Sequence[Descriptor]) -> tuple[bytes, str]:
    """The config's content and media type."""
    if files.artifact_type is not None and not _MEDIA_TYPE.match(files.artifact_type):
        raise UsageError(
            f"{files.artifact_type[:200]!r} is not a media type", hint="such as application/vnd.acme.v1"
        )
    if files.wasm:
        return module_config([part.path for part in files.parts], layers), WASM_CONFIG
    if files.config is not None:
        return await read_small(files.config.path, _CONFIG_BYTES), files.config.media_type
    return EMPTY_JSON, OCI_EMPTY


async def _subject(registry: Registry, reference: Reference, subject: Reference) -> Descriptor:
    if subject.repository != reference.repository:
        raise UsageError(
            f"{subject} is in another repository than {reference}",
            hint=f"push to {subject.repository}: a referrer is in the repository of its subject",
        )
    manifest = await registry.get_manifest(subject)  # headers of HEAD may say another size or type
    if manifest is None:
        raise RegistryError(f"{subject} does not exist", hint="push the image first, then its referrers")
    return manifest.descriptor
