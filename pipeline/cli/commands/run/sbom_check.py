"""sbom check: list the packages of a published image again, and compare with the bill of materials it bears."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import Exit, UsageError

from ...output import console

if TYPE_CHECKING:
    from pipeline.model import Reference
    from pipeline.release.sbom_check import Checked

    from .sbom import SbomOptions


def check(options: SbomOptions, reference: Reference) -> int:
    """Compare; exit code 7 when anything differs."""
    from ... import signals

    if options.format or options.output:
        raise UsageError("check compares and writes nothing", hint="leave out --format and -o")
    checked = signals.run(partial(_check, options, reference))
    code = Exit.OK if all(each.equal for each in checked) else Exit.GATE
    if options.stage.common.json:
        rows = [each.to_json() for each in checked]
        console.print_json({"reference": str(reference), "platforms": rows, "exit_code": int(code)})
        return code
    for each in checked:
        _print(each)
    return code


def _print(checked: Checked) -> None:
    outcome = "equal    " if checked.equal else "different"
    console.print_line(f"{outcome}  {checked.subject}  {checked.platform}  {checked.packages} packages")
    if not checked.names_subject:
        console.print_line("  the document does not name this digest as its subject")
    for change in checked.changes:
        console.print_line(f"  {change}")


async def _check(options: SbomOptions, reference: Reference) -> list[Checked]:
    from pipeline.lab.settings import LabSettings
    from pipeline.release.sbom_check import check_sbom

    from ...instance.verification import signatory
    from ...output.progress import Progress
    from ...planning.reader import PlanRequest
    from ...run_context import RunRequest, open_run

    stage = options.stage
    key = signatory(options.signatory, os.environ, LabSettings.from_env(os.environ).data)
    request = RunRequest(PlanRequest(stage.common.root, locked=stage.locked), stage.run)
    with Progress() as report:
        async with open_run("sbom", request, report) as context:
            return await check_sbom(context, reference, key, stage.catalogue.selection.platforms)
