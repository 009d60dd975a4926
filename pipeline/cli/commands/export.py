"""export: what was built, as archives in dist/; from the repository of builds alone, without an engine."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial

import anyio

from pipeline.bundle.export import Exported, ExportedImage, ExportedPlatform, export_image
from pipeline.errors import Exit, RegistryError
from pipeline.model import Repository
from pipeline.plan import Target
from pipeline.policy import judge
from pipeline.registry import Registry
from pipeline.run import RunContext
from pipeline.state.record import Record
from pipeline.state.records import read_record
from pipeline.util.concurrency import each
from pipeline.util.progress import ProgressEvent, ProgressState

from .. import output, signals
from ..context import run_context
from ..instance_session import instance_session
from ..progress import Progress

_AT_ONCE = 4
_SBOM = "cyclonedx-json"


def export(options: argparse.Namespace) -> int:
    """Write the archives; stdout is their paths, one a line."""
    files = signals.run(partial(_export, options))
    if options.json:
        output.data({"files": [_as_data(file) for file in files]})
    else:
        for file in files:
            output.out(f"{file.path}\n")
    written = [file for file in files if file.written]
    output.say(f"{len(files)} files, {len(written)} written, {output.size(sum(f.size for f in written))}")
    return Exit.OK


async def _export(options: argparse.Namespace) -> list[Exported]:
    report = Progress()
    whole = not (options.platform or options.only)
    async with instance_session(options, report) as here, run_context(options, here, report) as context:
        groups = [group for _, group in context.plan.groups()]
        known = await each(lambda g: _recalled(context.registry, context.builds, g), groups)
        _refuse_missing(groups, known)
        for group, records in zip(groups, known, strict=True):
            _note_gates(context, group, records)
        limit, out = anyio.CapacityLimiter(_AT_ONCE), options.root / options.output

        async def one(number: int) -> tuple[Exported, ...]:
            target, children = groups[number][0], _children(groups[number], known[number])
            async with limit:
                report(ProgressEvent(target.name, ProgressState.EXPORT, f"{len(children)} platforms"))
                image = ExportedImage(target.image, target.tag, children)
                folder = out / target.image / target.tag
                return await export_image(context.registry, context.builds, image, folder, whole=whole)

        return [file for files in await each(one, range(len(groups))) for file in files]


async def _recalled(registry: Registry, builds: Repository, group: Sequence[Target]) -> list[Record | None]:
    async def one(target: Target) -> Record | None:
        return await read_record(registry, builds, target.key) if target.key else None

    return await each(one, group)


def _refuse_missing(groups: Sequence[Sequence[Target]], known: Sequence[Sequence[Record | None]]) -> None:
    missing = [
        target
        for group, records in zip(groups, known, strict=True)
        for target, record in zip(group, records, strict=True)
        if record is None
    ]
    if missing:
        names = " ".join(dict.fromkeys(f"{target.image}:{target.tag}" for target in missing))
        raise RegistryError(
            f"not built yet, or changed since: {len(missing)} target{'s' if len(missing) > 1 else ''}",
            hint=f"lockage build {names if len(names) < 200 else ''}".rstrip()
            + "; then lockage export again",
            detail="\n".join(target.id for target in missing),
        )


def _note_gates(context: RunContext, group: Sequence[Target], records: Sequence[Record | None]) -> None:
    """An archive may be wanted of what did not pass, but nobody shall take it for something that did."""
    for target, record in zip(group, records, strict=True):
        verdicts = judge(record.evidence, target.gates, context.today) if record else ()
        for verdict in verdicts:
            if not verdict.passed:
                output.say(f"note: {target.id}: the gate {verdict.gate} is closed; exported all the same")


def _children(group: Sequence[Target], records: Sequence[Record | None]) -> list[ExportedPlatform]:
    pairs = zip(group, records, strict=True)
    return [ExportedPlatform(t.platform, r.digest, r.documents.get(_SBOM)) for t, r in pairs if r is not None]


def _as_data(file: Exported) -> dict[str, object]:
    return {
        "path": str(file.path),
        "digest": str(file.digest),
        "size": file.size,
        "written": file.written,
    }
