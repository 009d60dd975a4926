"""artifact push, pull, show: files under their media types in a registry."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import Exit, UsageError
from pipeline.oci.artifact import TITLE
from pipeline.registry import Registry
from pipeline.registry.artifacts.pull import pull_artifact
from pipeline.registry.artifacts.push import ArtifactFiles, Part, push_artifact
from pipeline.registry.artifacts.show import Artifact, show_artifact

from .. import output, signals
from ..context import access
from ..references import parse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def push(options: argparse.Namespace) -> int:
    """Write files as an artifact; stdout is its reference by digest."""
    return _told(options, signals.run(partial(_push, options)))


async def _push(options: argparse.Namespace) -> Artifact:
    reference = parse(options.reference)
    if reference.digest is not None:
        raise UsageError(
            f"{reference} has a digest, which only its content gives", hint="name a tag, or neither"
        )
    parts = [Part.parse(text) for text in options.files]
    config = Part.parse(options.config) if options.config else None
    if config and options.wasm:
        raise UsageError("--wasm writes the config that --config names", hint="say one of them")
    files = ArtifactFiles(
        [_below(options.root, part) for part in parts],
        artifact_type=options.artifact_type,
        annotations=_annotations(options.annotation),
        config=_below(options.root, config) if config else None,
        wasm=options.wasm,
    )
    subject = parse(options.subject) if options.subject else None
    async with Registry(access()) as registry:
        return await push_artifact(registry, reference, files, subject=subject)


def pull(options: argparse.Namespace) -> int:
    """Write an artifact's files; stdout is their paths, one a line."""

    async def work() -> tuple[Artifact, tuple[Path, ...]]:
        async with Registry(access()) as registry:
            return await pull_artifact(registry, parse(options.reference), options.root / options.output)

    found, paths = signals.run(work)
    if options.json:
        output.data({**found.to_json(), "paths": [str(path) for path in paths]})
    else:
        for path in paths:
            output.out(f"{path}\n")
    output.say(f"{found.reference}: {_amount(found)}")
    return Exit.OK


def look(options: argparse.Namespace) -> int:
    """What a reference holds: type, files, annotations, subject."""

    async def work() -> Artifact:
        async with Registry(access()) as registry:
            return await show_artifact(registry, parse(options.reference))

    found = signals.run(work)
    if options.json:
        output.data(found.to_json())
        return Exit.OK
    output.out(f"{found.reference.pinned(found.descriptor.digest)}\n  type     {found.artifact_type}\n")
    output.out(f"  config   {found.config.media_type}  {found.config.digest}\n")
    for file in found.files:
        title = file.annotations.get(TITLE, "(no title)")
        output.out(f"  file     {title}  {file.media_type}  {output.size(file.size)}  {file.digest}\n")
    for name, value in sorted(found.annotations.items()):
        output.out(f"  note     {name}={value}\n")
    if found.subject:
        output.out(f"  subject  {found.subject.media_type}  {found.subject.digest}\n")
    return Exit.OK


def _told(options: argparse.Namespace, made: Artifact) -> int:
    if options.json:
        output.data(made.to_json())
    else:
        output.out(f"{made.reference.pinned(made.descriptor.digest)}\n")
    output.say(f"{made.artifact_type}: {_amount(made)}, {'written' if made.written else 'in place'}")
    return Exit.OK


def _amount(found: Artifact) -> str:
    number = len(found.files)
    return f"{number} file{'' if number == 1 else 's'}, {output.size(sum(file.size for file in found.files))}"


def _annotations(texts: Sequence[str]) -> Mapping[str, str]:
    out: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"{text[:200]!r} is not NAME=VALUE", hint="--annotation org.example.note=text")
        if name in out:
            raise UsageError(f"the annotation {name[:200]!r} is given twice", hint="give it once")
        out[name] = value
    return out


def _below(root: Path, part: Part) -> Part:
    return Part(root / part.path, part.media_type, part.title)
