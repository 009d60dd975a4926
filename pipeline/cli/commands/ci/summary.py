"""ci summary: the reports of a matrix's jobs as one, for the page of the run."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import Exit, UsageError
from pipeline.util.dataclass import dataclass
from pipeline.util.rooted import RootedFolder, reason

from ...arguments import group, option, positional
from ...command import Command
from ...common_options import CommonOptions, at_least_one
from ...output import console

if TYPE_CHECKING:
    from pipeline.report.values import Report

_NAME = "report.json"
_DEPTH = 3  # FOLDER/JOB/reports/report.json
MAX_REPORTS = 1024
MAX_BYTES = 32 * 1024 * 1024  # of one report
MAX_TOTAL = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryOptions:
    """What `ci summary` understands."""

    common: CommonOptions = group(CommonOptions)
    folder: Path = positional(type=Path, metavar="FOLDER", help="where the jobs' folders of reports are")
    jobs: int | None = option(
        "--jobs", type=at_least_one, metavar="N", help="how many jobs there were: names what is missing"
    )
    reports: Path | None = option(
        "--reports", type=Path, metavar="DIR", help="write the merged report there as well (LOCKAGE_REPORTS)"
    )


def summarize(options: SummaryOptions) -> int:
    """Print the summary of all jobs, and add it to the page of the step where the CI has one.

    Reports come from other jobs: one that is too large, a link or no report is left out with a warning.
    """
    from pipeline.report.data import report_data
    from pipeline.report.files import report_files
    from pipeline.report.jobs import merged
    from pipeline.report.markdown import summary

    from ...reports.destinations import Destinations
    from ...reports.write import append_summary, write_files

    reports = list(_read(options.folder))
    missing = max(0, (options.jobs or 0) - len(reports))
    if missing:
        console.message(f"warning: {missing} of {options.jobs} jobs left no report; their logs say why")
    if not reports:
        console.message(f"no report below {options.folder}")
        return Exit.OK
    try:
        report = merged(reports)
    except ValueError as error:
        raise UsageError(str(error), hint="give each run a folder of its own") from None
    to = Destinations.of(options.reports, os.environ)
    if to.step_summary is not None:
        append_summary(to.step_summary, report, missing)
    if to.folder is not None:
        files = report_files(report)
        kept = ("index.html", "report.json", "summary.md", "junit.xml")
        write_files({name: files[name] for name in kept}, to.folder, to.environ)
    if options.common.json:
        console.print_json(report_data(report))
    else:
        console.print_text(summary(report))
    return Exit.OK


def _read(folder: Path) -> Iterator[Report]:
    """The reports below a folder. Raises UsageError for a folder that is none, and for more than a matrix has."""
    from pipeline.report.jobs import read_report

    total = 0
    with _opened(folder) as top:
        for number, path in enumerate(_paths(top, "", _DEPTH), 1):
            if number > MAX_REPORTS:
                raise UsageError(f"more than {MAX_REPORTS} reports below {folder}")
            try:
                content = top.read(path, MAX_BYTES + 1)
                total += len(content)
                if len(content) > MAX_BYTES or total > MAX_TOTAL:
                    raise ValueError(f"more than {MAX_BYTES} bytes, or {MAX_TOTAL} with the others")
                yield read_report(content)
            except OSError as error:
                console.message(f"warning: {path}: {reason(error)}")
            except ValueError as error:
                console.message(f"warning: {path}: {error}")


def _opened(folder: Path) -> RootedFolder:
    try:
        return RootedFolder.at(folder)
    except OSError as error:
        raise UsageError(
            f"cannot read {folder}: {reason(error)}", hint="name the folder with the jobs' reports"
        ) from None


def _paths(folder: RootedFolder, above: str, depth: int) -> Iterator[str]:
    """Reports in the order of their folders' names; links are not followed."""
    with folder.below(above) as current:
        entries = current.entries()
    if _NAME in entries:
        yield f"{above}/{_NAME}".lstrip("/")
    if depth:
        for name, info in entries.items():
            if stat.S_ISDIR(info.st_mode):
                yield from _paths(folder, f"{above}/{name}".lstrip("/"), depth - 1)


COMMAND = Command(SummaryOptions, summarize)
