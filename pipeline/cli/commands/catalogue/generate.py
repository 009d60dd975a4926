"""generate: write the Dockerfiles, tests and rootfs that targets are built from."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import Exit
from pipeline.util.dataclass import dataclass

from ...arguments import flag, group
from ...command import Command
from ...common_options import (
    CatalogueOptions,
    CommonOptions,
    locked_flag,
    output_option,
    snapshot_option,
)
from ...output import console


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateOptions:
    """What `generate` understands."""

    common: CommonOptions = group(CommonOptions)
    catalogue: CatalogueOptions = group(CatalogueOptions)
    check: bool = flag("--check", help="report what would change; write nothing")
    output: Path = output_option(Path("dist"), "folder (default: dist)")
    locked: bool = locked_flag()
    snapshot_id: str | None = snapshot_option()


def generate(options: GenerateOptions) -> int:
    """Write dist/, or with `--check` only report what would change (exit code 3 when something would)."""
    from pipeline.plan import check, generated_files, write

    from ...planning.reader import PlanReader, PlanRequest

    common = options.common
    request = PlanRequest.of(
        common, options.catalogue, locked=options.locked, snapshot_id=options.snapshot_id
    )
    plan = PlanReader(request).read_known()
    root, folder = common.root, common.root / options.output
    files = generated_files(plan)
    changes = (
        check(files, folder, root=root) if options.check else write(files, folder, plan.source, root=root)
    )
    if common.json:
        rows = [{"path": change.path, "action": change.action} for change in changes]
        console.print_json({"folder": str(folder), "changes": rows})
    else:
        for change in changes:
            console.print_line(str(change))
    for target in plan.targets:
        for warning in target.warnings:
            console.message(f"warning: {target.id}: {warning}")
    verb = "would change" if options.check else "changed"
    console.message(f"{len(files)} files, {len(changes)} {verb}, in {folder}")
    return Exit.CONFIG if options.check and changes else Exit.OK


COMMANDS = {"generate": Command(GenerateOptions, generate)}
