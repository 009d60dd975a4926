"""Promotions of a plan's images: checked, scanned again where their findings are outdated, and judged before any tag
moves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from pipeline.errors import GateClosed, LockageError, UsageError
from pipeline.run.publish.environment_tags import (
    Candidate,
    PlannedTags,
    perform_recorded,
    plan_tags,
    refuse,
)
from pipeline.run.publish.image_claims import ImageClaims
from pipeline.run.publish.promotion import Promotion
from pipeline.run.publish.publication import Destination
from pipeline.state.ledger import Ledger, load_ledger
from pipeline.util.concurrency import each

from .environments import find_image
from .judge import judge_published
from .promotable import check_promotable
from .todays_scan import PlannedScan, TodaysScan, TodaysScans, scan_and_attest

if TYPE_CHECKING:
    from pipeline.config import Environment
    from pipeline.model import Reference
    from pipeline.plan import Target
    from pipeline.run.context import RunContext


@dataclass(frozen=True, slots=True)
class ImagePromotion:
    """The promotion of one image tag, and each of its platforms with the scan that is to judge it."""

    tags: PlannedTags
    platforms: tuple[tuple[Target, PlannedScan], ...]

    @property
    def promotion(self) -> Promotion:
        """What is written."""
        return self.tags.promotion

    def to_json(self) -> dict[str, Any]:
        """The plan as data."""
        return {**self.promotion.to_json(), "scans": [scan.to_json() for _, scan in self.platforms]}


@dataclass(frozen=True, slots=True)
class JudgedPromotion:
    """A promotion that may be performed, and the scans that its platforms were judged by."""

    tags: PlannedTags
    scans: tuple[TodaysScan, ...]

    @property
    def promotion(self) -> Promotion:
        """What is written."""
        return self.tags.promotion

    def to_json(self) -> dict[str, Any]:
        """The promotion as data."""
        return {**self.promotion.to_json(), "scans": [scan.to_json() for scan in self.scans]}


class Promotions:
    """The promotions of a run from one environment to another.

    `signed` judges by the signed findings as they are; the default is as the destination says.
    """

    def __init__(
        self, context: RunContext, origin: Environment, to: Environment, *, signed: bool | None = None
    ) -> None:
        self._context, self._origin, self._to = context, origin, to
        self._signed = to.data == "signed" if signed is None else signed
        self._scans = TodaysScans(context)

    async def plan(self) -> list[ImagePromotion]:
        """What promoting every image tag of the plan would scan and write; each is checked (`check_promotable`), and
        judged unless its findings are outdated.

        From the first environment, the tags of this revision's commit are promoted, from others the tags themselves,
        whatever commit they are of.
        Raises UsageError, RegistryError for an image that does not exist, SignatureRefused, GateClosed, TagsRefused.
        """
        if self._origin == self._to:
            raise UsageError(
                f"{self._to.name} is where the images come from", hint="--to another environment"
            )
        groups = [group for _, group in self._context.plan.groups()]
        if not groups:
            return []
        if self._context.revision.dirty and not self._context.promotion.dirty:
            raise UsageError(
                "the work tree has changes, and nothing is promoted from it",
                hint="commit them; --revision names a commit; --allow-dirty promotes what was built from commits",
            )
        ledger = await load_ledger(self._context.store(), self._to.name)
        planned = await each(partial(self._plan, ledger), groups)
        refuse(one.tags for one in planned)
        platforms = [platform for promotion in planned for platform in promotion.platforms]
        self._refuse_closed((target, scan.as_signed) for target, scan in platforms if scan.source is None)
        return planned

    async def _plan(self, ledger: Ledger, group: Sequence[Target]) -> ImagePromotion:
        context, target = self._context, group[0]
        source = context.repository(self._origin, target.image)
        from_first = self._origin == context.plan.project.environments[0]
        index = await find_image(context, source, target, of_commit=from_first)
        claims = ImageClaims.of(context, group)
        wanted = claims if from_first else claims.of_any_commit()
        found = await check_promotable(context, source, index.digest, group, wanted)
        destination = Destination(self._to, context.repository(self._to, target.image), target.tags)
        candidate = Candidate(target.image, target.tag, source, index.digest, destination)
        tags = await plan_tags(context, ledger, candidate)
        as_signed = self._signed or not tags.promotion.moves
        planned = await each(
            PlannedScan.without_scan if as_signed else self._scans.plan, [image for _, image in found]
        )
        return ImagePromotion(tags, tuple(zip([t for t, _ in found], planned, strict=True)))

    async def judge(self, planned: Sequence[ImagePromotion]) -> list[JudgedPromotion]:
        """Scan what is outdated, attest what is found where the images are, and judge it. No tag moves.

        Raises GateClosed, UsageError for a key that cannot sign, BuildError, EnvironmentProblem, RegistryError.
        """
        platforms = [platform for promotion in planned for platform in promotion.platforms]
        outdated = {scan.image.reference: scan for _, scan in platforms if scan.source}
        made = await scan_and_attest(self._context, self._scans, list(outdated.values()))
        scans: Mapping[Reference, TodaysScan] = dict(zip(outdated, made, strict=True))
        self._refuse_closed((target, scans[p.image.reference]) for target, p in platforms if p.source)

        def judged(scan: PlannedScan) -> TodaysScan:
            return scans[scan.image.reference] if scan.source else scan.as_signed

        return [
            JudgedPromotion(one.tags, tuple(judged(scan) for _, scan in one.platforms)) for one in planned
        ]

    async def perform(self, *, only_plan: bool = False) -> Sequence[ImagePromotion | JudgedPromotion]:
        """Plan; then, unless `only_plan`, scan, judge, copy and move the tags. Raises as `plan` and `judge`."""
        planned = await self.plan()
        if only_plan:
            return planned
        judged = await self.judge(planned)
        if not any(one.promotion.moves for one in judged):
            return judged
        store = self._context.store()
        ledger = await load_ledger(store, self._to.name)  # judging may have taken minutes
        tags = [one.tags for one in judged]
        for result in await perform_recorded(self._context, store, ledger, tags, "promote"):
            if isinstance(result, LockageError):
                raise result
        return judged

    def _refuse_closed(self, judged: Iterable[tuple[Target, TodaysScan]]) -> None:
        closed: dict[str, list[str]] = {}
        for target, scan in judged:
            reasons = list(self._reasons(target, scan))
            if reasons:
                closed.setdefault(target.name, []).extend(reasons)
        if closed:
            one = len(closed) == 1
            raise GateClosed(
                f"{', '.join(closed)} {'is' if one else 'are'} not promoted: "
                f"{'its gate closes' if one else 'their gates close'} by today's policy and data",
                hint="patch the image, add an ignore with owner, reason and expiry, or attest VEX",
                detail="\n".join(reason for reasons in closed.values() for reason in reasons),
            )

    def _reasons(self, target: Target, scan: TodaysScan) -> Iterable[str]:
        """What closes the gates of a platform, and what of its findings is new."""
        verdicts = judge_published(self._context, target.image, target.gates, scan)
        reasons = [reason for verdict in verdicts if not verdict.passed for reason in verdict.reasons]
        if not reasons:
            return ()
        opened = [f"{finding.id} in {finding.package}" for finding in scan.opened]
        since = (scan.before.tool.data_date or "")[:10] if scan.before else ""
        new = [f"new since the findings of {since}: {', '.join(opened)}"] if opened else []
        return [*reasons, *new]
