"""report: the reports of a run, from what the registry knows, with no run; no engine is started."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import Exit
from pipeline.util.dataclass import dataclass

from ...arguments import group, option
from ...command import Command
from ...common_options import CatalogueOptions, CommonOptions, locked_flag
from ...output import console

if TYPE_CHECKING:
    from pipeline.report.values import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportCommandOptions:
    """What `report` understands."""

    common: CommonOptions = group(CommonOptions)
    catalogue: CatalogueOptions = group(CatalogueOptions)
    locked: bool = locked_flag()
    reports: Path | None = option(
        "--reports",
        type=Path,
        metavar="DIR",
        help="folder to write to (LOCKAGE_REPORTS; default: reports)",
    )


def report(options: ReportCommandOptions) -> int:
    """Write the reports, and print the summary. Raises EnvironmentProblem."""
    from pipeline.report.data import report_data
    from pipeline.report.markdown import summary

    from ... import signals

    made = signals.run(partial(_report, options))
    if options.common.json:
        console.print_json(report_data(made))
    else:
        console.print_text(summary(made))
    return Exit.OK


async def _report(options: ReportCommandOptions) -> Report:
    from dataclasses import replace

    from ...output.progress import Progress
    from ...planning.reader import PlanRequest
    from ...reports.destinations import Destinations
    from ...reports.write import collector_of, write
    from ...run_context import RunRequest, open_run

    to = Destinations.of(options.reports, os.environ)
    to = replace(to, folder=to.folder or Path("reports"))
    plan = PlanRequest.of(options.common, options.catalogue, locked=options.locked)
    async with open_run("report", RunRequest(plan, keys=True), Progress()) as context:
        collected = await collector_of(context, os.environ, whole=True).of_records("report")
        await write(context, collected, to)
        return collected.report


COMMANDS = {"report": Command(ReportCommandOptions, report)}
