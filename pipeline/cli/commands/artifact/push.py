"""artifact push: write files to a registry as an artifact."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import Exit, UsageError
from pipeline.util.dataclass import dataclass

from ...arguments import flag, group, option, positional, repeated
from ...command import Command
from ...common_options import CommonOptions
from ...output import console
from ...references import parse_destination, parse_reference

if TYPE_CHECKING:
    from pipeline.model import Reference
    from pipeline.registry.artifacts.push import Part
    from pipeline.registry.artifacts.show import Artifact
    from pipeline.run.signing.artifact import ArtifactSigning


def _part(text: str) -> Part:
    from pipeline.registry.artifacts.push import Part

    return Part.parse(text)


def _parts(texts: tuple[str, ...]) -> tuple[Part, ...]:
    return tuple(_part(text) for text in texts)


@dataclass(frozen=True, slots=True)
class Annotation:
    """One annotation of a manifest."""

    name: str
    value: str


def _annotations(texts: tuple[str, ...]) -> tuple[Annotation, ...]:
    annotations: dict[str, Annotation] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"{text[:200]!r} is not NAME=VALUE", hint="--annotation org.example.note=text")
        if name in annotations:
            raise UsageError(f"the annotation {name[:200]!r} is given twice", hint="give it once")
        annotations[name] = Annotation(name, value)
    return tuple(annotations.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class PushOptions:
    """What `artifact push` understands."""

    common: CommonOptions = group(CommonOptions)
    reference: Reference = positional(
        metavar="REF", convert=parse_destination, help="HOST/NAME:TAG, or HOST/NAME to write by digest"
    )
    files: tuple[Part, ...] = positional(
        nargs="+", metavar="FILE:MEDIATYPE", convert=_parts, help="a file and its media type"
    )
    artifact_type: str | None = option(
        "--artifact-type", metavar="TYPE", help="media type of the artifact as a whole"
    )
    annotations: tuple[Annotation, ...] = repeated(
        "--annotation", metavar="NAME=VALUE", convert=_annotations, help="annotation; may be repeated"
    )
    subject: Reference | None = option(
        "--subject", metavar="REF", convert=parse_reference, help="image it refers to, in the same repository"
    )
    config: Part | None = option(
        "--config", metavar="FILE:MEDIATYPE", convert=_part, help="a config instead of the empty one"
    )
    wasm: bool = flag("--wasm", help="a Wasm module: write its config")
    sign: bool = flag("--sign", help="sign and attest it as images are, by this project's identity or key")


def push(options: PushOptions) -> int:
    """Write files as an artifact; stdout is its reference by digest."""
    from ... import signals
    from ...proposals import require_reviewed
    from .show import amount

    if options.config and options.wasm:
        raise UsageError("--wasm writes the config that --config names", hint="give one of them")
    require_reviewed("artifact push")
    artifact, signed = signals.run(partial(_push, options))
    if options.common.json:
        console.print_json(artifact.to_json())
    else:
        console.print_line(str(artifact.reference.pinned(artifact.descriptor.digest)))
    if artifact.written and artifact.reference.tag:
        before = artifact.before.short if artifact.before else "nothing"
        console.message(f"{artifact.reference}  {before} → {artifact.descriptor.digest.short}")
    outcome = "written" if artifact.written else "up to date"
    console.message(f"{artifact.artifact_type}: {amount(artifact)}, {outcome}{', signed' if signed else ''}")
    return Exit.OK


async def _push(options: PushOptions) -> tuple[Artifact, bool]:
    """The artifact, and whether it was signed now."""
    from pipeline.registry import Registry
    from pipeline.registry.artifacts.push import ArtifactFiles, push_artifact

    from ...registry_access import registry_access

    root = options.common.root
    files = ArtifactFiles(
        [_below(root, part) for part in options.files],
        artifact_type=options.artifact_type,
        annotations=_by_name(options.annotations),
        config=_below(root, options.config) if options.config else None,
        wasm=options.wasm,
    )
    signer = _signer(options) if options.sign else None  # mistakes are reported before anything is written
    async with Registry(registry_access()) as registry:
        artifact = await push_artifact(registry, options.reference, files, subject=options.subject)
        if signer is None:
            return artifact, False
        from pipeline.run.signing.artifact import ensure_artifact_signed

        return artifact, await ensure_artifact_signed(registry, artifact, signer(artifact))


def _signer(options: PushOptions) -> Callable[[Artifact], ArtifactSigning]:
    """How this folder's project signs an artifact. Raises ConfigError, UsageError, EnvironmentProblem."""
    from pipeline.oci.artifact import TITLE
    from pipeline.provenance import ArtifactBuild, PackedFile, artifact_predicate
    from pipeline.run.signing.artifact import ArtifactSigning
    from pipeline.state.signers import program_version

    from ...git.origin import read_origin
    from ...git.revision import read_revision
    from ...instance.site_signer import site_signer

    root, moment = options.common.root, int(time.time())
    site, revision = site_signer(root, os.environ), read_revision(root, os.environ)

    def signing(artifact: Artifact) -> ArtifactSigning:
        def provenance() -> Mapping[str, Any]:
            files = [
                PackedFile(file.annotations.get(TITLE, ""), file.media_type, file.digest)
                for file in artifact.files
            ]
            name, origin = str(artifact.reference), read_origin(root, os.environ)
            versions = {"lockage": program_version()}
            return artifact_predicate(
                ArtifactBuild(name, artifact.artifact_type, files, revision, origin, versions, moment)
            )

        return ArtifactSigning(site.signatory, site.sign, provenance, revision.label, revision.created)

    return signing


def _by_name(annotations: tuple[Annotation, ...]) -> Mapping[str, str]:
    return {annotation.name: annotation.value for annotation in annotations}


def _below(root: Path, part: Part) -> Part:
    return replace(part, path=root / part.path)


COMMAND = Command(PushOptions, push)
