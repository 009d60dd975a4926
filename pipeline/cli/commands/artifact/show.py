"""artifact show: what a reference holds."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import Exit
from pipeline.util.dataclass import dataclass

from ...arguments import group, positional
from ...command import Command
from ...common_options import CommonOptions
from ...output import console
from ...references import parse_reference

if TYPE_CHECKING:
    from pipeline.model import Reference
    from pipeline.registry.artifacts.show import Artifact


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowOptions:
    """What `artifact show` understands."""

    common: CommonOptions = group(CommonOptions)
    reference: Reference = positional(
        metavar="REF", convert=parse_reference, help="HOST/NAME:TAG or HOST/NAME@sha256:…"
    )


def show(options: ShowOptions) -> int:
    """Type, files, annotations and subject of an artifact."""
    from ... import signals

    artifact = signals.run(partial(_show, options.reference))
    if options.common.json:
        console.print_json(artifact.to_json())
    else:
        _print(artifact)
    return Exit.OK


def amount(artifact: Artifact) -> str:
    """How many files an artifact has, and their size."""
    number = len(artifact.files)
    size = console.human_size(sum(file.size for file in artifact.files))
    return f"{number} file{'' if number == 1 else 's'}, {size}"


async def _show(reference: Reference) -> Artifact:
    from pipeline.registry import Registry
    from pipeline.registry.artifacts.show import show_artifact

    from ...registry_access import registry_access

    async with Registry(registry_access()) as registry:
        return await show_artifact(registry, reference)


def _print(artifact: Artifact) -> None:
    from pipeline.oci.artifact import TITLE

    lines = [
        str(artifact.reference.pinned(artifact.descriptor.digest)),
        f"  type     {artifact.artifact_type}",
        f"  config   {artifact.config.media_type}  {artifact.config.digest}",
    ]
    for file in artifact.files:
        title = file.annotations.get(TITLE, "(no title)")
        size = console.human_size(file.size)
        lines.append(f"  file     {title}  {file.media_type}  {size}  {file.digest}")
    lines += [f"  note     {name}={value}" for name, value in sorted(artifact.annotations.items())]
    if artifact.subject:
        lines.append(f"  subject  {artifact.subject.media_type}  {artifact.subject.digest}")
    for line in lines:
        console.print_line(line)


COMMAND = Command(ShowOptions, show)
