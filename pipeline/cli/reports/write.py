"""Reports as files: a folder of them, the summary of a step at GitHub, links on a job at GitLab."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.ci import Provider, job_of
from pipeline.errors import EnvironmentProblem, RegistryError
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
        _append(to.step_summary, collected)
    if to.folder is not None:
        files = report_files(collected.report)
        job = job_of(to.environ)
        if job.provider is Provider.GITLAB and job.url:
            page = below_checkout(to.folder / PAGE, to.environ)
            files["gl-annotations.json"] = job_links(job.url, {"Lockage report": page}).encode()
        try:
            for name, content in files.items():
                replace_file(to.folder / name, content, root=Path())
            await _write_documents(context, collected, to.folder)
        except EnvironmentProblem as error:
            hint = "name another folder for --reports; what was pushed is pushed"
            raise EnvironmentProblem(error.message, hint=hint) from None
        console.message(f"reports: {to.folder / PAGE}")


async def _write_documents(context: RunContext, collected: Collected, folder: Path) -> None:
    """Bills of materials, one after the other: they may be large."""
    for target_id, (repository, document) in collected.documents.items():
        try:
            content = await context.registry.blob(repository, document)
        except RegistryError as error:
            console.message(f"warning: {target_id}: no bill of materials: {error.message}")
            continue
        replace_file(folder / sbom_name(target_id), content, root=Path())


def _append(path: Path, collected: Collected) -> None:
    """Add to the summary of this step, which may have something already; without it the run is as good."""
    try:
        room = LIMIT - path.stat().st_size if path.exists() else LIMIT
        if room < _LEAST:
            raise OSError(None, "it is full")
        with path.open("ab") as file:
            file.write(summary(collected.report, room).encode("utf-8", "backslashreplace"))
    except OSError as error:
        console.message(f"warning: no summary in {path}: {error.strerror}")
