"""run, build, scan, sbom, test, push, sign: one function behind them all, stopped at different chambers."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.release.environments import environment
from pipeline.run import RunResult, Stage
from pipeline.run import run as run_stages
from pipeline.util.files import replace_file

from .. import output, signals
from ..context import run_context
from ..instance_session import instance_session
from ..progress import Progress


def run(options: argparse.Namespace) -> int:
    """Every stage, up to the promotion. Raises UsageError for a snapshot that shall go somewhere."""
    if options.snapshot_id and options.to:
        raise UsageError(
            "a snapshot is not promoted: it stays in the first environment under its own tags",
            hint="leave out --to, or --snapshot-id",
        )
    return _stage(options, Stage.PROMOTE)


def _stage(options: argparse.Namespace, until: Stage) -> int:
    result = signals.run(partial(_run, options, until))
    if options.refs:
        _write_refs(options.refs, result)
    output.run_result(result, as_json=options.json)
    return int(result.exit_code)


def _write_refs(path: Path, result: RunResult) -> None:
    from pipeline.errors import EnvironmentProblem
    from pipeline.run.platform_refs import write_refs

    try:
        replace_file(path, write_refs(ref for image in result.images for ref in image.refs))
    except OSError as fault:
        raise EnvironmentProblem(
            f"{path} cannot be written: {fault.strerror}",
            hint="name another file for --refs; the images are pushed, the same command finds them",
        ) from None


async def _run(options: argparse.Namespace, until: Stage) -> RunResult:
    with Progress() as report:
        async with (
            instance_session(options, report) as here,
            run_context(options, here, report, until) as context,
        ):
            to = None
            if until is Stage.PROMOTE:
                to = environment(context.plan.project.environments, options.to)
            return await run_stages(context, until, to)


build = partial(_stage, until=Stage.BUILD)
scan = partial(_stage, until=Stage.SCAN)
sbom = partial(_stage, until=Stage.SBOM)
test = partial(_stage, until=Stage.TEST)
push = partial(_stage, until=Stage.PUSH)
sign = partial(_stage, until=Stage.SIGN)
