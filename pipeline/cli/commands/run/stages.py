"""build, scan, test, push: a run that ends at this stage (see also sbom.py, sign.py)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.util.dataclass import dataclass

from ...arguments import group
from ...command import Command
from ...common_options import (
    CatalogueOptions,
    CommonOptions,
    RunOptions,
    locked_flag,
    refs_option,
    reports_option,
    snapshot_option,
)

if TYPE_CHECKING:
    from pipeline.run import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class StageOptions:
    """What the command of a stage understands."""

    common: CommonOptions = group(CommonOptions)
    catalogue: CatalogueOptions = group(CatalogueOptions)
    run: RunOptions = group(RunOptions)
    locked: bool = locked_flag()
    snapshot_id: str | None = snapshot_option()
    reports: Path | None = reports_option()


@dataclass(frozen=True, slots=True, kw_only=True)
class PushStageOptions:
    """What `push` understands, and `sign` among other things."""

    stage: StageOptions = group(StageOptions)
    refs: Path | None = refs_option()


def build(options: StageOptions) -> int:
    """Build targets and push them by digest."""
    from pipeline.run import Stage

    return run_stage(Stage.BUILD, options)


def scan(options: StageOptions) -> int:
    """Build and scan targets."""
    from pipeline.run import Stage

    return run_stage(Stage.SCAN, options)


def test(options: StageOptions) -> int:
    """Build and test targets."""
    from pipeline.run import Stage

    return run_stage(Stage.TEST, options)


def push(options: PushStageOptions) -> int:
    """Push images whose gates are open to the first environment."""
    from pipeline.run import Stage

    return run_stage(Stage.PUSH, options.stage, options.refs)


def run_stage(until: Stage, options: StageOptions, refs: Path | None = None) -> int:
    """Run up to a stage, and report the result."""
    from ...planning.reader import PlanRequest
    from .until import report_run, run_until

    plan = PlanRequest.of(
        options.common, options.catalogue, locked=options.locked, snapshot_id=options.snapshot_id
    )
    ended = run_until(until, plan, options.run, reports=options.reports)
    return report_run(ended, as_json=options.common.json, refs=refs)


COMMANDS = {
    "build": Command(StageOptions, build),
    "scan": Command(StageOptions, scan),
    "test": Command(StageOptions, test),
    "push": Command(PushStageOptions, push),
}
