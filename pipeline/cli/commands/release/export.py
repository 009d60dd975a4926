"""export: write built images to dist/ as archives; from the repository of builds alone, without an engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import Exit, RegistryError

from ...arguments import group
from ...command import Command
from ...common_options import CatalogueOptions, CommonOptions, output_option
from ...output import console

if TYPE_CHECKING:
    from pipeline.bundle.export import Exported, ExportedPlatform
    from pipeline.plan import Target
    from pipeline.run import RunContext
    from pipeline.state.record import Record

_CONCURRENT_IMAGES = 4
_SBOM = "cyclonedx-json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """What `export` understands."""

    common: CommonOptions = group(CommonOptions)
    catalogue: CatalogueOptions = group(CatalogueOptions)
    output: Path = output_option(Path("dist"), "folder (default: dist)")


@dataclass(frozen=True, slots=True)
class BuiltTarget:
    """A target of the plan with the record of its build."""

    target: Target
    record: Record


def export(options: ExportOptions) -> int:
    """Write the archives; stdout is their paths, one a line."""
    from ... import signals

    files = signals.run(partial(_export, options))
    if options.common.json:
        console.print_json({"files": [_to_json(file) for file in files]})
    else:
        for file in files:
            console.print_line(str(file.path))
    written = [file for file in files if file.written]
    size = console.human_size(sum(file.size for file in written))
    console.message(f"{len(files)} files, {len(written)} written, {size}")
    return Exit.OK


async def _export(options: ExportOptions) -> list[Exported]:
    import anyio

    from pipeline.bundle.export import ExportedImage, export_image
    from pipeline.util.concurrency import each
    from pipeline.util.progress import ProgressEvent, ProgressState

    from ...output.progress import Progress
    from ...planning.reader import PlanRequest
    from ...run_context import RunRequest, open_run

    report, selection = Progress(), options.catalogue.selection
    whole = not (selection.platforms or selection.only)
    request = RunRequest(PlanRequest.of(options.common, options.catalogue))
    async with open_run("export", request, report) as context:
        images = await _built_images(context)
        limiter, output = anyio.CapacityLimiter(_CONCURRENT_IMAGES), options.common.root / options.output

        async def export_one(image: Sequence[BuiltTarget]) -> tuple[Exported, ...]:
            target = image[0].target
            async with limiter:
                await _note_closed_gates(context, image)
                report(ProgressEvent(target.name, ProgressState.EXPORT, f"{len(image)} platforms"))
                return await export_image(
                    context.registry,
                    context.builds,
                    ExportedImage(target.image, target.tag, [_platform(built) for built in image]),
                    output / target.image / target.tag,
                    whole=whole,
                    root=options.common.root,
                )

        return [file for files in await each(export_one, images) for file in files]


async def _built_images(context: RunContext) -> list[list[BuiltTarget]]:
    """The targets of each image tag with their records. Raises RegistryError where one was not built."""
    from pipeline.state.records import Records
    from pipeline.util.concurrency import each

    store = context.store()
    known = Records(store, context.plan.targets)

    async def find(target: Target) -> Record | None:
        return await known.find(target.key) if target.key else None

    targets = [target for _, group in context.plan.groups() for target in group]
    records = dict(zip((target.id for target in targets), await each(find, targets), strict=True))
    context.tell_distrusted(store)
    missing = [target for target in targets if records[target.id] is None]
    if missing:
        raise _not_built(missing)
    return [
        [BuiltTarget(target, record) for target in group if (record := records[target.id])]
        for _, group in context.plan.groups()
    ]


def _not_built(missing: Sequence[Target]) -> RegistryError:
    names = " ".join(dict.fromkeys(f"{target.image}:{target.tag}" for target in missing))
    build = f"lockage build {names if len(names) < 200 else ''}".rstrip()
    return RegistryError(
        f"not built yet, or changed since: {len(missing)} target{'s' if len(missing) > 1 else ''}",
        hint=f"{build}; then lockage export again",
        detail="\n".join(target.id for target in missing),
    )


async def _note_closed_gates(context: RunContext, image: Sequence[BuiltTarget]) -> None:
    """An archive of an image that did not pass may be wanted, but nobody should take it for one that did."""
    from pipeline.run.gates.judge import TargetJudge

    judge = TargetJudge(context)
    for built in image:
        target, record = built.target, built.record
        for verdict in (await judge.judge(target, record.digest, record.evidence)).verdicts:
            if not verdict.passed:
                console.message(
                    f"note: {target.id}: the gate {verdict.gate} is {verdict.state}; exported anyway"
                )


def _platform(built: BuiltTarget) -> ExportedPlatform:
    from pipeline.bundle.export import ExportedPlatform

    record = built.record
    return ExportedPlatform(built.target.platform, record.digest, record.documents.get(_SBOM))


def _to_json(file: Exported) -> dict[str, object]:
    return {
        "path": str(file.path),
        "digest": str(file.digest),
        "size": file.size,
        "written": file.written,
    }


COMMANDS = {"export": Command(ExportOptions, export)}
