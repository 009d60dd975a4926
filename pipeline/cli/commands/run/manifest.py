"""manifest: merge the platforms that runners pushed into one index for each image tag; no engine is needed."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import Exit, UsageError
from pipeline.util.dataclass import dataclass

from ...arguments import flag, group, repeated
from ...command import Command
from ...common_options import CatalogueOptions, CommonOptions, locked_flag, snapshot_option
from ...output import console

if TYPE_CHECKING:
    from pipeline.run.publish.fan_in import Merged


def _files(groups: tuple[list[Path], ...]) -> tuple[Path, ...]:
    return tuple(path for paths in groups for path in paths)


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestOptions:
    """What `manifest` understands."""

    common: CommonOptions = group(CommonOptions)
    catalogue: CatalogueOptions = group(CatalogueOptions)
    locked: bool = locked_flag()
    snapshot_id: str | None = snapshot_option()
    files: tuple[Path, ...] = repeated(
        "--from",
        nargs="+",
        type=Path,
        metavar="FILE",
        convert=_files,
        help="files that --refs wrote (default: what the registry has by tag)",
    )
    allow_missing: bool = flag("--allow-missing", help="merge without the platforms that nobody pushed")


def manifest(options: ManifestOptions) -> int:
    """Merge, and print a line for each index: its reference by digest, its platforms."""
    from ... import signals

    merged = signals.run(partial(_manifest, options))
    if options.common.json:
        console.print_json([index.to_json() for index in merged])
    else:
        for index in merged:
            platforms = ", ".join(str(platform) for platform, _ in index.children)
            console.print_line(f"{index.reference}  {platforms}")
    for index in merged:
        if index.missing:
            missing = ", ".join(map(str, index.missing))
            console.message(f"warning: {index.image}:{index.tag} was merged without {missing}")
    moves = [move for index in merged for move in index.moves]
    for move in moves:
        console.message(str(move))
    written = len(moves)
    console.message(f"{len(merged)} indexes up to date; {written} tags written")
    return Exit.OK


async def _manifest(options: ManifestOptions) -> list[Merged]:
    from pipeline.run.platform_refs import collect
    from pipeline.run.publish.fan_in import manifest as merge

    from ...output.progress import Progress
    from ...planning.reader import PlanRequest
    from ...run_context import RunRequest, open_run

    refs = collect({str(path): _read(path) for path in options.files}) if options.files else None
    plan = PlanRequest.of(
        options.common, options.catalogue, locked=options.locked, snapshot_id=options.snapshot_id
    )
    with Progress() as report:
        async with open_run("manifest", RunRequest(plan, keys=True, restricted=True), report) as context:
            return await merge(context, refs, allow_missing=options.allow_missing)


def _read(path: Path) -> bytes:
    from pipeline.run.platform_refs import MAX_BYTES

    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}", hint="`lockage push --refs FILE` writes one"
        ) from None


COMMANDS = {"manifest": Command(ManifestOptions, manifest)}
