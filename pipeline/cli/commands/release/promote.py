"""promote: give what one environment holds of a revision the tags of another; planned first, then performed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import Exit, UsageError

from ...arguments import flag, group, option
from ...command import Command
from ...common_options import CatalogueOptions, CommonOptions, locked_flag
from ...output import console

if TYPE_CHECKING:
    from pipeline.policy import Revision
    from pipeline.run.publish.promotion import Promotion


def _revision(text: str) -> Revision:
    from pipeline.policy import Revision

    try:
        return Revision(text)
    except ValueError as error:
        raise UsageError(str(error), hint="--revision takes a whole commit id: git rev-parse HEAD") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class PromoteOptions:
    """What `promote` understands."""

    common: CommonOptions = group(CommonOptions)
    catalogue: CatalogueOptions = group(CatalogueOptions)
    locked: bool = locked_flag()
    origin: str | None = option("--from", metavar="ENV", help="environment to take from (default: the first)")
    to: str = option("--to", metavar="ENV", required=True, help="environment to promote to")
    revision: Revision | None = option(
        "--revision",
        metavar="SHA",
        convert=_revision,
        help="commit whose tags to take (default: the current one)",
    )
    plan: bool = flag("--plan", help="report what would be written; write nothing")


def promote(options: PromoteOptions) -> int:
    """Print what is (or with `--plan` would be) written; verified first, tags last."""
    from ... import signals

    promotions = signals.run(partial(_promote, options))
    if options.common.json:
        console.print_json([promotion.to_json() for promotion in promotions])
        return Exit.OK
    for promotion in promotions:
        for move in promotion.moves:
            before = move.before.short if move.before else "nothing"
            console.print_line(f"{move.reference}  {before} -> {promotion.digest.short}")
        for reference in promotion.in_place:
            console.print_line(f"{reference}  up to date")
    moves = sum(len(promotion.moves) for promotion in promotions)
    console.message(f"{moves} tags {'would be ' if options.plan else ''}written")
    return Exit.OK


async def _promote(options: PromoteOptions) -> list[Promotion]:
    from pipeline.release.environments import environment, plan_promotions
    from pipeline.run.publish.promotion import perform
    from pipeline.util.concurrency import each

    from ...output.progress import Progress
    from ...planning.reader import PlanRequest
    from ...run_context import RunRequest, open_run

    plan = PlanRequest.of(options.common, options.catalogue, locked=options.locked)
    named = tuple(name for name in (options.origin, options.to) if name)
    async with open_run("promote", RunRequest(plan, environments=named), Progress()) as context:
        if options.revision is not None:
            context = replace(context, revision=options.revision)
        environments = context.plan.project.environments
        origin = environment(environments, options.origin or environments[0].name)
        to = environment(environments, options.to)
        assert origin and to, "both have a name"
        promotions = await plan_promotions(context, origin, to)
        if not options.plan:
            await each(partial(perform, context.registry), promotions)
        return promotions


COMMANDS = {"promote": Command(PromoteOptions, promote)}
