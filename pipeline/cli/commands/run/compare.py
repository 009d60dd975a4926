"""compare: show in what two images differ; without an engine."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import Exit, RegistryError
from pipeline.util.dataclass import dataclass

from ...arguments import group, positional
from ...command import Command
from ...common_options import CommonOptions
from ...output import console
from ...references import parse_reference

if TYPE_CHECKING:
    from pipeline.model import Reference
    from pipeline.oci.compare import Comparison, Image
    from pipeline.registry import Registry

_LAYOUT = "oci:"
_HELP = "HOST/NAME:TAG, HOST/NAME@sha256:… or oci:FOLDER"


@dataclass(frozen=True, slots=True)
class LayoutFolder:
    """The only image of an OCI layout; `name` is how it was written."""

    folder: Path
    name: str


def _location(text: str) -> Reference | LayoutFolder:
    if text.startswith(_LAYOUT):
        return LayoutFolder(Path(text.removeprefix(_LAYOUT)), text)
    return parse_reference(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareOptions:
    """What `compare` understands."""

    common: CommonOptions = group(CommonOptions)
    before: Reference | LayoutFolder = positional(metavar="IMAGE", convert=_location, help=_HELP)
    after: Reference | LayoutFolder = positional(metavar="IMAGE", convert=_location, help=_HELP)


def compare(options: CompareOptions) -> int:
    """Compare two images; exit code 7 when they differ."""
    from ... import signals
    from ...output.differences import print_differences

    comparison = signals.run(partial(_compare, options))
    if options.common.json:
        console.print_json(comparison.to_json())
    else:
        outcome = "equal" if comparison.equal else "different"
        console.print_line(f"{outcome}  {comparison.before}  {comparison.after}")
        print_differences(comparison)
    return int(Exit.OK if comparison.equal else Exit.GATE)


async def _compare(options: CompareOptions) -> Comparison:
    from pipeline.lab.settings import LabSettings
    from pipeline.oci.compare import compare as compare_images
    from pipeline.registry import Registry

    from ...registry_access import registry_access

    scratch = LabSettings.from_env(os.environ).cache / "layers"
    async with Registry(registry_access()) as registry:
        before = await _image(registry, options.before)
        after = await _image(registry, options.after)
        return await compare_images(before, after, scratch)


async def _image(registry: Registry, location: Reference | LayoutFolder) -> Image:
    from pipeline.oci.compare import Image
    from pipeline.oci.layout import Layout

    if isinstance(location, LayoutFolder):
        layout = Layout(location.folder)
        digest = layout.resolve().digest
        await layout.check(digest)  # no registry has checked it, and equal digests are not read
        return Image(layout, digest, location.name)
    descriptor = await registry.head(location)
    if descriptor is None:
        raise RegistryError(f"{location} does not exist", hint="check its repository, tag or digest")
    source = registry.source(location.repository)
    return Image(source, descriptor.digest, str(location.pinned(descriptor.digest)))


COMMANDS = {"compare": Command(CompareOptions, compare)}
