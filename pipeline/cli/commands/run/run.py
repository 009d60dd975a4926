"""run: every stage for every target, up to a promotion."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import UsageError
from pipeline.util.dataclass import dataclass

from ...arguments import group, option
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
from ...promotion_options import PromotionFlags


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCommandOptions:
    """What `run` understands."""

    common: CommonOptions = group(CommonOptions)
    catalogue: CatalogueOptions = group(CatalogueOptions)
    run: RunOptions = group(RunOptions)
    locked: bool = locked_flag()
    snapshot_id: str | None = snapshot_option()
    refs: Path | None = refs_option()
    reports: Path | None = reports_option()
    to: str | None = option(
        "--to",
        metavar="ENV",
        help="environment to promote to (default: those with promote: automatic in lockage.yml)",
    )
    promotion: PromotionFlags = group(PromotionFlags)


def run(options: RunCommandOptions) -> int:
    """Run every stage. Raises UsageError for a snapshot that is to be promoted."""
    from pipeline.run import Stage

    from ...planning.reader import PlanRequest
    from .until import Promoting, report_run, run_until

    if options.snapshot_id and options.to:
        raise UsageError(
            "a snapshot is not promoted: it stays in the first environment under its own tags",
            hint="leave out --to, or --snapshot-id",
        )
    plan = PlanRequest.of(
        options.common, options.catalogue, locked=options.locked, snapshot_id=options.snapshot_id
    )
    promoting = Promoting(options.to, options.promotion.value())
    ended = run_until(Stage.PROMOTE, plan, options.run, promoting=promoting, reports=options.reports)
    return report_run(ended, as_json=options.common.json, refs=options.refs)


COMMANDS = {"run": Command(RunCommandOptions, run)}
