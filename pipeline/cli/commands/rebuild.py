"""rebuild: once more what is known, and whether the same comes out. compare: any two images."""

from __future__ import annotations

import argparse
import os
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import Exit, RegistryError
from pipeline.lab.settings import LabSettings
from pipeline.oci.compare import Comparison, Image, compare
from pipeline.oci.layout import Layout
from pipeline.registry import Registry
from pipeline.run.rebuild import Agreement, Rebuilt, exit_code
from pipeline.run.rebuild import rebuild as rebuild_targets

from .. import output, signals
from ..context import access, run_context
from ..instance_session import instance_session
from ..progress import Progress
from ..references import parse

if TYPE_CHECKING:
    from pipeline.oci.compare import Difference

_SHOWN = 40
"""Differences a place that are printed as text; `--json` has them all."""
_LAYOUT = "oci:"
_DIGEST = re.compile(r"sha256:([0-9a-f]{12})[0-9a-f]{52}")


def rebuild(options: argparse.Namespace) -> int:
    """Build afresh and compare; exit code 7 when anything differs."""
    found = signals.run(partial(_rebuild, options))
    code = exit_code(found)
    if options.json:
        output.data({"targets": [one.to_json() for one in found], "exit_code": int(code)})
    else:
        for one in found:
            _show(one)
    for one in found:
        if one.fault:
            output.tell_error(one.fault, as_json=False)
    counts = (f"{sum(r.status is s for r in found)} {s}" for s in Agreement)
    output.say(", ".join(text for text in counts if not text.startswith("0 ")) or "nothing to rebuild")
    return int(code)


async def _rebuild(options: argparse.Namespace) -> list[Rebuilt]:
    with Progress() as report:
        async with instance_session(options, report) as here, run_context(options, here, report) as context:
            return await rebuild_targets(context, detail=options.compare)


def _show(one: Rebuilt) -> None:
    digests = [d.short for d in (one.known, one.rebuilt) if d]
    output.out(
        "  ".join([str(one.status).ljust(9), one.id, " -> ".join(dict.fromkeys(digests))]).rstrip() + "\n"
    )
    if one.comparison:
        _differences(one.comparison)
    elif one.status is Agreement.DIFFERENT:
        output.say(f"next: lockage rebuild --only {one.id} --compare says where they differ")


def compare_images(options: argparse.Namespace) -> int:
    """Say in what two images differ; exit code 7 when they do."""
    found = signals.run(partial(_compare, options))
    if options.json:
        output.data(found.to_json())
    else:
        output.out(f"{'equal' if found.equal else 'different'}  {found.before}  {found.after}\n")
        _differences(found)
    return int(Exit.OK if found.equal else Exit.GATE)


async def _compare(options: argparse.Namespace) -> Comparison:
    scratch = LabSettings.from_env(os.environ).cache / "layers"
    async with Registry(access()) as registry:
        sides = [await _image(registry, text) for text in (options.before, options.after)]
        return await compare(*sides, scratch)


async def _image(registry: Registry, text: str) -> Image:
    """An image in a registry, or with `oci:FOLDER` the only one of a layout."""
    if text.startswith(_LAYOUT):
        layout = Layout(Path(text.removeprefix(_LAYOUT)))
        return Image(layout, layout.resolve().digest, text)
    reference = parse(text)
    found = await registry.head(reference)
    if found is None:
        raise RegistryError(f"{reference} is not there", hint="check its repository, tag or digest")
    return Image(registry.source(reference.repository), found.digest, str(reference.pinned(found.digest)))


def _differences(found: Comparison) -> None:
    """A line a difference, place by place."""
    places: dict[str, list[Difference]] = {}
    for one in found.differences:
        places.setdefault(one.where, []).append(one)
    for where, several in places.items():
        for one in several[:_SHOWN]:
            name = f"{one.path}: {one.what}" if one.path else one.what
            output.out(f"  {where}  {name}  {_value(one.before)} -> {_value(one.after)}\n")
        if len(several) > _SHOWN:
            output.out(f"  {where}  and {len(several) - _SHOWN} more; --json has all\n")
    if found.differences and found.same_files:
        output.out("  the files that a container sees are the same\n")


def _value(text: str | None) -> str:
    if text is None:
        return "nothing"
    text = _DIGEST.sub(r"\1", text if text.isprintable() else ascii(text)[1:-1])
    return text if len(text) <= 100 else f"{text[:97]}..."
