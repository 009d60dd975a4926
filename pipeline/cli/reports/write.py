"""Reports as files: a folder of them, the summary of a step at GitHub, links on a job at GitLab."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.ci import Provider, job_of
from pipeline.errors import EnvironmentProblem, RegistryError
from pipeline.report.counts import plural
from pipeline.report.files import PAGE, report_files, sbom_name
from pipeline.report.gitlab import job_links
from pipeline.report.markdown import LIMIT, summary
from pipeline.reporting.collect import Collected, Collector

from ..files.replace import replace_file
from ..output import console
from ..output.annotations import below_checkout
from .destinations import Destinations

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.report.values import Report
    from pipeline.run import RunContext, RunResult

_LEAST = 4_000  # bytes that a summary needs


def collector_of(context: RunContext, environ: Mapping[str, str], *, whole: bool) -> Collector:
    """A collector that names files as the CI of an environment does."""
    return Collector.of(context, partial(below_checkout, environ=environ), whole=whole)


async def write_run(context: RunContext, command: str, result: RunResult, to: Destinations) -> None:
    """Write the reports of a run. Raises EnvironmentProblem for a folder that cannot be written.

    Without a folder nothing more is requested of the registry: the summary has what the gates judged.
    """
    if to.wanted:
        collector = collector_of(context, to.environ, whole=to.folder is not None)
        await write(context, await collector.of_run(command, result), to)


async def write(context: RunContext, collected: Collected, to: Destinations) -> None:
    """Write reports. Raises EnvironmentProblem for a folder that cannot be written."""
    if to.step_summary is not None:
        append_summary(to.step_summary, collected.report)
    if to.folder is not None:
        try:
            write_files(report_files(collected.report), to.folder, to.environ)
            await _write_documents(context, collected, to.folder)
        except EnvironmentProblem as error:
            hint = "name another folder for --reports; what was pushed is pushed"
            raise EnvironmentProblem(error.message, hint=hint) from None
        console.message(f"reports: {to.folder / PAGE}")


def write_files(files: Mapping[str, bytes], folder: Path, environ: Mapping[str, str]) -> None:
    """Write files of a report, at GitLab with the job's link to the page. Raises EnvironmentProblem."""
    job, links = job_of(environ), dict[str, bytes]()
    if job.provider is Provider.GITLAB and job.url:
        page = below_checkout(folder / PAGE, environ)
        links["gl-annotations.json"] = job_links(job.url, {"Lockage report": page}).encode()
    for name, content in {**files, **links}.items():
        replace_file(folder / name, content, root=Path())


async def _write_documents(context: RunContext, collected: Collected, folder: Path) -> None:
    """Bills of materials, one after the other: they may be large."""
    for target_id, (repository, document) in collected.documents.items():
        try:
            content = await context.registry.blob(repository, document)
        except RegistryError as error:
            console.message(f"warning: {target_id}: no bill of materials: {error.message}")
            continue
        replace_file(folder / sbom_name(target_id), content, root=Path())


def append_summary(path: Path, report: Report, missing: int = 0) -> None:
    """Add to the summary of this step, which may have something already; without it the run is as good. `missing` jobs
    left no report that could be merged."""
    try:
        room = LIMIT - path.stat().st_size if path.exists() else LIMIT
        if room < _LEAST:
            raise OSError(None, "it is full")
        note = f"**{plural(missing, 'job')} left no report**: see the logs.\n\n" if missing else ""
        with path.open("ab") as file:
            file.write((note + summary(report, room - len(note))).encode("utf-8", "backslashreplace"))
    except OSError as error:
        console.message(f"warning: no summary in {path}: {error.strerror}")
