"""rollback: every tag of images in an environment back to where it was, by the ledger."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import UsageError
from pipeline.util.dataclass import dataclass

from ...arguments import flag, group, option, positional
from ...command import Command
from ...common_options import CommonOptions, RunOptions, offline_flag
from ...output import console
from ...output.secondaries import print_secondaries, print_with_secondaries
from ...promotion_options import PlanFlags

if TYPE_CHECKING:
    from pipeline.release.rollback import ImageRollback
    from pipeline.run.secondary.follow import SecondaryResult

    from ...saved_plans import ExpectedPlan, PlanKeeper


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackOptions:
    """What `rollback` understands."""

    common: CommonOptions = group(CommonOptions)
    environment: str = positional(metavar="ENV", help="environment whose tags go back")
    images: tuple[str, ...] = positional(
        nargs="*",
        default=(),
        metavar="IMAGE",
        help="images by name, all their tags together (default: those of the last promotion)",
    )
    to: str = option(
        "--to",
        default="",
        metavar="ENTRY|DIGEST",
        help="entry of the ledger, or sha256:… of a tag there (default: the state before)",
    )
    reason: str = option("--reason", required=True, metavar="TEXT", help="why; recorded in the ledger")
    accept: str = option(
        "--accept", default="", metavar="REASON", help="roll back although gates close today; recorded"
    )
    force: bool = flag("--force", help="overwrite tags that somebody else moved")
    planning: PlanFlags = group(PlanFlags)
    offline: bool = offline_flag()


def rollback(options: RollbackOptions, saved: ExpectedPlan | None = None) -> int:
    """Print what moves (or with `--plan` would move); verified and judged first, all images or none."""
    from ... import signals
    from ...proposals import require_reviewed
    from ...saved_plans import PlanKeeper

    require_reviewed("rollback")
    if not options.reason.strip():
        raise UsageError("--reason is empty", hint='--reason "1.4 breaks logins"')
    keeper = PlanKeeper("rollback", options.planning.file, saved, not options.planning.only)
    rollbacks, secondaries = signals.run(partial(_rollback, options, keeper))
    if options.common.json:
        return print_with_secondaries(rollbacks, secondaries)
    for one in rollbacks:
        for line in (*one.moves, *one.kept):
            console.print_line(str(line))
    code = print_secondaries(secondaries, stdout=True)
    moves = sum(len(one.moves) for one in rollbacks)
    moves += sum(len(secondary.moves) for secondary in secondaries)
    verb = "would move" if options.planning.only else "moved"
    pinned = [one.image for one in rollbacks if one.pinned and one.moves]
    note = (
        f"; {', '.join(pinned)} stay there until rolled forward, or promoted with --unpin" if pinned else ""
    )
    console.message(f"{moves} tags of {options.environment} {verb}{note}")
    return code


async def _rollback(
    options: RollbackOptions, keeper: PlanKeeper
) -> tuple[Sequence[ImageRollback], Sequence[SecondaryResult]]:
    from pipeline.release.environments import environment
    from pipeline.release.rollback import RollbackRequest, Rollbacks
    from pipeline.run.publish.promotion import PromotionOptions

    from ...author import author
    from ...output.progress import Progress
    from ...planning.reader import PlanRequest
    from ...run_context import RunRequest, open_run

    request = RunRequest(
        PlanRequest(options.common.root),
        RunOptions(offline=options.offline),
        environments=(options.environment,),
    )
    with Progress() as report:
        async with open_run("rollback", request, report) as context:
            promotion = PromotionOptions(force=options.force, author=author(os.environ))
            destination = environment(context.plan.project.environments, options.environment)
            wanted = RollbackRequest(destination, options.images, options.to, options.reason, options.accept)
            context = await keeper.begin(replace(context, promotion=promotion), options, [destination.name])
            rollbacks = Rollbacks(context, wanted)
            done = await rollbacks.perform(only_plan=options.planning.only, agree=keeper.agree)
            return done, rollbacks.secondaries


COMMANDS = {"rollback": Command(RollbackOptions, rollback)}
