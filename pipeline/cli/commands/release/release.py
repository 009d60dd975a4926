"""release: give the images of a commit the tags of a version, in every environment of releases."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import UsageError
from pipeline.util.dataclass import dataclass

from ...arguments import group, option, positional
from ...command import Command
from ...common_options import CatalogueOptions, CommonOptions, RunOptions, locked_flag, offline_flag
from ...output.secondaries import print_with_secondaries
from ...promotion_options import PlanFlags, PromotionFlags, data_option, revision_option
from .promote import print_promotions

if TYPE_CHECKING:
    from pipeline.policy import Revision
    from pipeline.release.promote import ImagePromotion, JudgedPromotion
    from pipeline.run.secondary.follow import SecondaryResult

    from ...saved_plans import ExpectedPlan, PlanKeeper


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseOptions:
    """What `release` understands."""

    common: CommonOptions = group(CommonOptions)
    version: str | None = positional(
        nargs="?",
        default=None,
        metavar="VERSION",
        help="semantic version, such as v2.3.0 (default: the git tag of the job's event)",
    )
    catalogue: CatalogueOptions = group(CatalogueOptions)
    locked: bool = locked_flag()
    to: str | None = option(
        "--to", metavar="ENV", help="environment to release to (default: release: to: of lockage.yml)"
    )
    revision: Revision | None = revision_option()
    promotion: PromotionFlags = group(PromotionFlags)
    planning: PlanFlags = group(PlanFlags)
    offline: bool = offline_flag()
    data: str | None = data_option()


def release(options: ReleaseOptions, saved: ExpectedPlan | None = None) -> int:
    """Print what is (or with `--plan` would be) scanned and written; all images and environments, or none."""
    from ... import signals
    from ...proposals import require_reviewed
    from ...saved_plans import PlanKeeper

    require_reviewed("release")
    keeper = PlanKeeper("release", options.planning.file, saved, not options.planning.only)
    promotions, secondaries = signals.run(partial(_release, options, keeper))
    if options.common.json:
        return print_with_secondaries(promotions, secondaries)
    return print_promotions(promotions, secondaries, planned=options.planning.only)


async def _release(
    options: ReleaseOptions, keeper: PlanKeeper
) -> tuple[Sequence[ImagePromotion | JudgedPromotion], Sequence[SecondaryResult]]:
    from pipeline.release.environments import release_destinations
    from pipeline.release.versions.release import ReleaseNames, Releases

    from ...git.revision import check_release_tag
    from ...output.progress import Progress
    from ...planning.reader import PlanReader, PlanRequest
    from ...run_context import RunRequest, open_run
    from .visibility import warn_of_visibility

    version = options.version or _version_of_event()
    plan = PlanRequest.of(options.common, options.catalogue, locked=options.locked)
    names = ReleaseNames.of(PlanReader(plan).whole(None), version)
    named = (options.to,) if options.to else ()
    request = RunRequest(plan, RunOptions(offline=options.offline), environments=named)
    with Progress() as report:
        async with open_run("release", request, report) as context:
            context = replace(context, promotion=options.promotion.value())
            if options.revision is not None:
                context = replace(context, revision=options.revision)
            check_release_tag(options.common.root, os.environ, version, context.revision.sha)
            to = release_destinations(context.plan.project, options.to)
            signed = None if options.data is None else options.data == "signed"
            context = await keeper.begin(context, replace(options, version=version), [one.name for one in to])
            releases = Releases(context, names, to, signed=signed)
            done = await releases.perform(only_plan=options.planning.only, agree=keeper.agree)
            if not options.planning.only:
                await warn_of_visibility(context, to)
            return done, releases.secondaries


def _version_of_event() -> str:
    """The git tag that started the job. Raises UsageError where there is none."""
    from pipeline.ci import read_event

    event = read_event(os.environ)
    if event is None or not event.tag:
        raise UsageError(
            "no version is given, and this is no job of a git tag", hint="lockage release v2.3.0"
        )
    return event.tag


COMMANDS = {"release": Command(ReleaseOptions, release)}
