"""promote: give what one environment holds of a revision the tags of another; planned first, then performed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import Exit
from pipeline.util.dataclass import dataclass

from ...arguments import group, option
from ...command import Command
from ...common_options import CatalogueOptions, CommonOptions, RunOptions, locked_flag, offline_flag
from ...output import console
from ...output.secondaries import print_secondaries, print_with_secondaries
from ...promotion_options import PlanFlags, PromotionFlags, data_option, revision_option

if TYPE_CHECKING:
    from pipeline.policy import Revision
    from pipeline.release.promote import ImagePromotion, JudgedPromotion
    from pipeline.run.secondary.follow import SecondaryResult

    from ...saved_plans import ExpectedPlan, PlanKeeper

_SOURCES = {"sbom": "its bill of materials", "image": "the image"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PromoteOptions:
    """What `promote` understands."""

    common: CommonOptions = group(CommonOptions)
    catalogue: CatalogueOptions = group(CatalogueOptions)
    locked: bool = locked_flag()
    origin: str | None = option("--from", metavar="ENV", help="environment to take from (default: the first)")
    to: str = option("--to", metavar="ENV", required=True, help="environment to promote to")
    revision: Revision | None = revision_option()
    promotion: PromotionFlags = group(PromotionFlags)
    planning: PlanFlags = group(PlanFlags)
    offline: bool = offline_flag()
    data: str | None = data_option()


def promote(options: PromoteOptions, saved: ExpectedPlan | None = None) -> int:
    """Print what is (or with `--plan` would be) scanned and written; verified and judged first, tags last."""
    from ... import signals
    from ...proposals import require_reviewed
    from ...saved_plans import PlanKeeper

    require_reviewed("promote")
    keeper = PlanKeeper("promote", options.planning.file, saved, not options.planning.only)
    promotions, secondaries = signals.run(partial(_promote, options, keeper))
    if options.common.json:
        return print_with_secondaries(promotions, secondaries)
    return print_promotions(promotions, secondaries, planned=options.planning.only)


def print_promotions(
    promotions: Sequence[ImagePromotion | JudgedPromotion],
    secondaries: Sequence[SecondaryResult],
    *,
    planned: bool,
) -> Exit:
    """Print what is (or would be) scanned and written, a line each; gives the exit code."""
    for promotion in promotions:
        _print(promotion, "to scan" if planned else "scanned")
    code = print_secondaries(secondaries, stdout=True)
    moves = sum(len(promotion.promotion.moves) for promotion in promotions)
    moves += sum(len(secondary.moves) for secondary in secondaries)
    days = {str(scan["data_date"])[:10] for promotion in promotions for scan in promotion.to_json()["scans"]}
    kept = any(promotion.promotion.kept for promotion in promotions)
    unmoved = "nothing else moves" if kept else "everything is up to date"
    judged = f"findings of {', '.join(sorted(days))}" if days else unmoved
    console.message(f"{judged}; {moves} tags {'would be ' if planned else ''}written")
    return code


def _print(image: ImagePromotion | JudgedPromotion, verb: str) -> None:
    promotion = image.promotion
    for scan in image.to_json()["scans"]:
        if scan["source"]:
            console.print_line(
                f"{scan['reference']} ({scan['platform']})  {verb}: {_SOURCES[scan['source']]}"
            )
    for move in promotion.moves:
        console.print_line(str(move))
    for reference in promotion.in_place:
        console.print_line(f"{reference}  up to date")
    for kept in promotion.kept:
        console.print_line(str(kept))


async def _promote(
    options: PromoteOptions, keeper: PlanKeeper
) -> tuple[Sequence[ImagePromotion | JudgedPromotion], Sequence[SecondaryResult]]:
    from pipeline.release.environments import environment
    from pipeline.release.promote import Promotions

    from ...output.progress import Progress
    from ...planning.reader import PlanRequest
    from ...run_context import RunRequest, open_run
    from .visibility import warn_of_visibility

    plan = PlanRequest.of(options.common, options.catalogue, locked=options.locked)
    named = tuple(name for name in (options.origin, options.to) if name)
    request = RunRequest(plan, RunOptions(offline=options.offline), environments=named)
    with Progress() as report:
        async with open_run("promote", request, report) as context:
            context = replace(context, promotion=options.promotion.value())
            if options.revision is not None:
                context = replace(context, revision=options.revision)
            environments = context.plan.project.environments
            origin = environment(environments, options.origin or environments[0].name)
            to = environment(environments, options.to)
            signed = None if options.data is None else options.data == "signed"
            context = await keeper.begin(context, options, [to.name])
            promotions = Promotions(context, origin, [to], signed=signed)
            done = await promotions.perform(only_plan=options.planning.only, agree=keeper.agree)
            if not options.planning.only:
                await warn_of_visibility(context, [to])
            return done, promotions.secondaries


COMMANDS = {"promote": Command(PromoteOptions, promote)}
