"""What `run` and the commands of single stages share: targets go through the stages up to and including one."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import EnvironmentProblem, LockageError
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from pipeline.run import RunResult, Stage
    from pipeline.run.publish.promotion import PromotionOptions

    from ...common_options import RunOptions
    from ...planning.reader import PlanRequest


@dataclass(frozen=True, slots=True)
class Ended:
    """The result of a run, and why its reports could not be written, if so."""

    result: RunResult
    unreported: LockageError | None = None


@dataclass(frozen=True, slots=True)
class Promoting:
    """The environment to promote to, None for those that are automatic, and what the promotion may do."""

    to: str | None
    options: PromotionOptions


def run_until(
    until: Stage,
    plan: PlanRequest,
    options: RunOptions,
    *,
    promoting: Promoting | None = None,
    reports: Path | None = None,
) -> Ended:
    """The result of a run; `reports` is the folder that reports are written to."""
    from ... import signals

    return signals.run(partial(_run, until, plan, options, promoting, reports))


def report_run(ended: Ended, *, as_json: bool, refs: Path | None = None) -> int:
    """Print a result and give its exit code; with `refs` also write what was pushed to this file.

    Raises EnvironmentProblem.
    """
    from ...output.console import print_error
    from ...output.run_result import print_run_result

    result = ended.result
    if refs:
        _write_refs(refs, result)
    print_run_result(result, as_json=as_json)
    if ended.unreported is None:
        return int(result.exit_code)
    print_error(ended.unreported, as_json=False)
    return int(result.exit_code or ended.unreported.exit_code)


def _write_refs(path: Path, result: RunResult) -> None:
    from pipeline.run.platform_refs import write_refs

    from ...files.replace import replace_file

    try:
        replace_file(path, write_refs(ref for image in result.images for ref in image.refs), root=Path())
    except EnvironmentProblem as error:
        raise EnvironmentProblem(
            error.message,
            hint="name another file for --refs; the images are pushed, the same command finds them",
        ) from None


async def _run(
    until: Stage, plan: PlanRequest, options: RunOptions, promoting: Promoting | None, reports: Path | None
) -> Ended:
    from pipeline.release.environments import destinations, without_dirty
    from pipeline.run import Stage, run

    from ...output.progress import Progress
    from ...reports.destinations import Destinations
    from ...run_context import RunRequest, open_run
    from ..release.visibility import warn_of_visibility

    command = "run" if until is Stage.PROMOTE else str(until)
    with Progress() as report:
        named = promoting.to if promoting else None
        request = RunRequest(plan, options, until, environments=(named,) if named else ())
        until = request.trust.last_stage(until)
        async with open_run(command, request, report) as context:
            notes: tuple[str, ...] = ()
            to = destinations(context.plan.project.environments, named) if promoting else ()
            if promoting:
                context = replace(context, promotion=promoting.options)
                to, notes = without_dirty(context, to, named=named is not None)
            result = replace(await run(context, until, to), notes=notes)
            if any(image.written for image in result.images):
                await warn_of_visibility(context, (context.plan.project.environments[0], *to))
            wanted = Destinations.of(reports, os.environ)
            if not wanted.wanted:
                return Ended(result)
            from ...reports.write import write_run

            try:
                await write_run(context, command, result, wanted)
            except LockageError as error:  # what was pushed is pushed: its result is printed all the same
                return Ended(result, error)
            return Ended(result)
