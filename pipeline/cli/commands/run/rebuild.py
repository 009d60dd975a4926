"""rebuild: build targets again without caches and compare the result with the recorded one."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import UsageError
from pipeline.util.dataclass import dataclass

from ...arguments import flag, group, option
from ...command import Command
from ...common_options import CatalogueOptions, CommonOptions, SignatoryOptions, locked_flag
from ...output import console
from ...references import parse_reference
from .from_provenance import ProvenanceRequest, rebuild_from_provenance

if TYPE_CHECKING:
    from pipeline.model import Reference
    from pipeline.run.rebuild import Rebuilt


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildOptions:
    """What `rebuild` understands."""

    common: CommonOptions = group(CommonOptions)
    catalogue: CatalogueOptions = group(CatalogueOptions)
    locked: bool = locked_flag()
    compare: bool = flag("--compare", help="show where they differ")
    from_provenance: Reference | None = option(
        "--from-provenance",
        convert=parse_reference,
        metavar="IMAGE",
        help="build what is published from its signed provenance alone: its commit, bases and parameters",
    )
    source: Path | None = option(
        "--source",
        type=Path,
        metavar="FOLDER",
        help="with --from-provenance: a clone that has the commit (default: what the provenance names)",
    )
    signatory: SignatoryOptions = group(SignatoryOptions)


def rebuild(options: RebuildOptions) -> int:
    """Rebuild and compare; exit code 7 when anything differs."""
    from pipeline.run.rebuild import Agreement, exit_code

    from ... import signals
    from ...proposals import require_reviewed

    require_reviewed("rebuild")
    targets = signals.run(partial(_rebuild, options))
    code = exit_code(targets)
    if options.common.json:
        console.print_json({"targets": [target.to_json() for target in targets], "exit_code": int(code)})
    else:
        for target in targets:
            _print(target)
    for target in targets:
        if target.fault:
            console.print_error(target.fault, as_json=False)
    counts = {status: sum(target.status is status for target in targets) for status in Agreement}
    summary = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    console.message(summary or "nothing to rebuild")
    return int(code)


async def _rebuild(options: RebuildOptions) -> list[Rebuilt]:
    if options.from_provenance is not None:
        return await rebuild_from_provenance(_provenance_request(options, options.from_provenance))
    if options.source or options.signatory != SignatoryOptions():
        raise UsageError("--source, --key and --certificate-identity go with --from-provenance")
    from pipeline.run.rebuild import rebuild as rebuild_targets

    from ...output.progress import Progress
    from ...planning.reader import PlanRequest
    from ...run_context import RunRequest, open_run

    plan = PlanRequest.of(options.common, options.catalogue, locked=options.locked)
    with Progress() as report:
        async with open_run("rebuild", RunRequest(plan), report) as context:
            return await rebuild_targets(context, detail=options.compare)


def _provenance_request(options: RebuildOptions, image: Reference) -> ProvenanceRequest:
    """Raises UsageError for options that choose targets of a catalogue."""
    selection = options.catalogue.selection
    if options.locked or selection.patterns or selection.shard or selection.by_change:
        raise UsageError(
            "--from-provenance takes the target and its lock from the provenance",
            hint="--platform OS/ARCH chooses one of the image's platforms",
        )
    from ...instance.verification import chosen_signatory

    signatory, platforms = chosen_signatory(options.signatory), selection.platforms
    root, source = options.common.root, options.source
    return ProvenanceRequest(image, root, platforms, signatory, source, options.compare)


def _print(target: Rebuilt) -> None:
    from pipeline.run.rebuild import Agreement

    from ...output.differences import print_differences

    digests = dict.fromkeys(digest.short for digest in (target.known, target.rebuilt) if digest)
    line = "  ".join([str(target.status).ljust(9), target.id, " -> ".join(digests)])
    console.print_line(line.rstrip())
    if target.comparison:
        print_differences(target.comparison)
    elif target.status is Agreement.DIFFERENT:
        console.message(f"next: lockage rebuild --only {target.id} --compare shows where they differ")


COMMANDS = {"rebuild": Command(RebuildOptions, rebuild)}
