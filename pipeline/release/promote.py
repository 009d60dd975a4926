"""Promotions of images: checked, scanned again where findings are outdated, and judged before any tag moves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from pipeline.errors import LockageError, UsageError
from pipeline.run.publish.channels import describe_environments
from pipeline.run.publish.environment_tags import (
    Candidate,
    Moved,
    PlannedTags,
    copy_images,
    decide_tags,
    meet_rules,
    perform_recorded,
    refuse,
    tag_digests,
    up_to_date,
)
from pipeline.run.publish.promotion import Promotion, TagMove, any_moves
from pipeline.run.publish.publication import Destination
from pipeline.run.secondary.follow import (
    SecondaryPlan,
    SecondaryResult,
    copy_to_secondaries,
    move_in_secondaries,
    plan_secondaries,
)
from pipeline.state.ledger import load_ledger
from pipeline.util.concurrency import both, each
from pipeline.util.dataclass import dataclass

from .judge import refuse_closed
from .promotable import FoundImage, PromotableImage, check_promotable, find_promotable
from .todays_scan import PlannedScan, TodaysScan, TodaysScans, scan_and_attest

if TYPE_CHECKING:
    from pipeline.config import Environment
    from pipeline.model import Digest
    from pipeline.plan import Target
    from pipeline.run.context import RunContext

    from .attested_image import AttestedImage


@dataclass(frozen=True, slots=True)
class ImagePromotion:
    """The promotion of one image tag, and each of its platforms with the scan that is to judge it. An image without a
    tag that moves is not checked and has none."""

    tags: PlannedTags
    checked: PromotableImage | None = None
    platforms: tuple[tuple[Target, PlannedScan], ...] = ()

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


@dataclass(frozen=True, slots=True)
class PromotionTags:
    """The tags that an image tag gets: the one of its version first, which a `release` never moves."""

    tags: tuple[str, ...]
    release: bool = False

    @classmethod
    def of(cls, target: Target) -> PromotionTags:
        """Those of the plan."""
        return cls(target.tags)


class Promotions:
    """The promotions of a plan's images from one environment to others, all together.

    `tags_of` are the tags that each image tag gets. `signed` judges by the signed findings as they are; the default is
    as each destination says. `secondaries` is what became of the destinations at secondary registries, once planned or
    performed.
    """

    def __init__(
        self,
        context: RunContext,
        origin: Environment,
        to: Sequence[Environment],
        *,
        tags_of: Callable[[Target], PromotionTags] = PromotionTags.of,
        signed: bool | None = None,
    ) -> None:
        self._context, self._origin, self._to = context, origin, to
        self._tags_of, self._signed = tags_of, signed
        self._scans = TodaysScans(context)
        self._following: list[SecondaryPlan] = []
        self.secondaries: tuple[SecondaryResult, ...] = ()

    async def plan(self, *, restore: bool = False) -> list[ImagePromotion]:
        """What promoting every image tag of the plan would scan and write. Each of which a tag moves is checked
        (`check_promotable`), and judged unless its findings are outdated.

        From the first environment, the tags of this revision's commit are promoted, from others the tags themselves,
        whatever commit they are of; with `restore`, what was lost is copied back first. Where nothing moves, one
        request for each of these and each tag is all.
        Raises UsageError, RegistryError for an image that does not exist, SignatureRefused, GateClosed, TagsRefused.
        """
        if self._origin in self._to:
            raise UsageError(
                f"{self._origin.name} is where the images come from", hint="--to another environment"
            )
        groups = [group for _, group in self._context.plan.groups()]
        if groups and self._context.revision.dirty and not self._context.promotion.dirty:
            raise UsageError(
                "the work tree has changes, and nothing is promoted from it",
                hint="commit them; --revision names a commit; --allow-dirty promotes what was built from commits",
            )
        find = partial(find_promotable, self._context, self._origin, restore=restore)
        images = await each(find, groups)
        sources = [image for _ in self._to for image in images]
        tags = [tags for to in self._to for tags in await self._decide(to, images)]
        planned = await self._checked(list(zip(sources, tags, strict=True)))
        for to in self._to:
            promoted = [one.tags for one in planned if one.tags.candidate.destination.environment == to]
            self._following += await plan_secondaries(self._context, to, promoted)
        self.secondaries = tuple(map(SecondaryResult.of, self._following))
        return await self._checked_for_secondaries(sources, planned)

    @property
    def _from_first(self) -> bool:
        return self._origin == self._context.plan.project.environments[0]

    async def _decide(self, to: Environment, images: Sequence[FoundImage]) -> list[PlannedTags]:
        """What becomes of the tags of an environment; its ledger is read if any names something else."""
        context = self._context
        candidates = [self._candidate(to, image) for image in images]
        named = await each(partial(tag_digests, context), candidates)
        pairs = list(zip(candidates, named, strict=True))
        done = {one.name for one, digests in pairs if set(digests.values()) == {one.digest}}
        ledger = None if len(done) == len(pairs) else await load_ledger(context.store(), to.name)

        async def one(pair: tuple[Candidate, Mapping[str, Digest | None]]) -> PlannedTags:
            candidate, digests = pair
            if ledger is None or candidate.name in done:
                return up_to_date(candidate)
            return await decide_tags(context, ledger, candidate, digests)

        return await each(one, pairs)

    def _candidate(self, to: Environment, image: FoundImage) -> Candidate:
        target = image.targets[0]
        wanted = self._tags_of(target)
        destination = Destination(to, self._context.repository(to, target.image), wanted.tags)
        return Candidate(
            target.image, wanted.tags[0], image.source, image.index.digest, destination, wanted.release
        )

    async def _checked(self, planned: Sequence[tuple[FoundImage, PlannedTags]]) -> list[ImagePromotion]:
        """The promotions, if their images may be promoted; those without a tag that moves are up to date."""
        concerned = {image.name: image for image, tags in planned if tags.promotion.moves or tags.refused}
        check = partial(check_promotable, self._context, of_commit=self._from_first)
        checked = dict(zip(concerned, await each(check, concerned.values()), strict=True))
        await each(partial(meet_rules, self._context), [tags for _, tags in planned])

        async def one(pair: tuple[FoundImage, PlannedTags]) -> ImagePromotion:
            image, tags = pair
            return await self._scans_of(checked.get(image.name), tags)

        promotions = await each(one, planned)
        refuse(tags for _, tags in planned)
        platforms = [platform for promotion in promotions for platform in promotion.platforms]
        known = [(target, scan.as_signed) for target, scan in platforms if scan.source is None]
        refuse_closed(self._context, known)
        return promotions

    async def _checked_for_secondaries(
        self, sources: Sequence[FoundImage], planned: Sequence[ImagePromotion]
    ) -> list[ImagePromotion]:
        """An image that is up to date in the environment is checked as well where a secondary registry gets it: others
        may write both of its places, and not that one."""
        moving = [
            one.candidate.name for plan in self._following for one in plan.planned if one.promotion.moves
        ]

        async def one(pair: tuple[FoundImage, ImagePromotion]) -> ImagePromotion:
            image, promotion = pair
            if promotion.checked or promotion.tags.candidate.name not in moving:
                return promotion
            checked = await check_promotable(self._context, image, of_commit=self._from_first)
            late = await self._scans_of(checked, promotion.tags)
            refuse_closed(self._context, [(target, scan.as_signed) for target, scan in late.platforms])
            return late

        return await each(one, list(zip(sources, planned, strict=True)))

    async def _scans_of(self, image: PromotableImage | None, tags: PlannedTags) -> ImagePromotion:
        if image is None:
            return ImagePromotion(tags)
        to = tags.candidate.destination.environment
        signed = to.data == "signed" if self._signed is None else self._signed
        as_signed = signed or not tags.promotion.moves

        async def plan(platform: tuple[Target, AttestedImage]) -> PlannedScan:
            target, attested = platform
            if as_signed:
                return await PlannedScan.without_scan(attested)
            return await self._scans.plan(attested, target.gates)

        planned = await each(plan, image.platforms)
        return ImagePromotion(tags, image, tuple(zip([t for t, _ in image.platforms], planned, strict=True)))

    async def judge(self, planned: Sequence[ImagePromotion]) -> list[JudgedPromotion]:
        """Scan what is outdated, attest what is found where the images are, and judge it. No tag moves.

        Raises GateClosed, UsageError for a key that cannot sign, BuildError, EnvironmentProblem, RegistryError.
        """
        platforms = [platform for promotion in planned for platform in promotion.platforms]
        images = {scan.image.reference: scan for _, scan in platforms}  # for their indexes
        images |= {scan.image.reference: scan for _, scan in platforms if scan.source}
        made = await scan_and_attest(self._context, self._scans, list(images.values()))
        scans = dict(zip(images, made, strict=True))
        refuse_closed(self._context, [(t, scans[p.image.reference]) for t, p in platforms if p.source])

        def judged(scan: PlannedScan) -> TodaysScan:
            return scans[scan.image.reference] if scan.source else scan.as_signed

        return [
            JudgedPromotion(one.tags, tuple(judged(scan) for _, scan in one.platforms)) for one in planned
        ]

    async def perform(
        self, *, only_plan: bool = False, agree: Callable[[Sequence[TagMove]], None] = any_moves
    ) -> Sequence[ImagePromotion | JudgedPromotion]:
        """Plan; then, unless `only_plan`, scan, judge, copy and move the tags, if `agree` lets these moves pass.

        Raises as `plan` and `judge`.
        """
        planned = await self.plan(restore=not only_plan)
        agree(self.moves_of(planned))
        if only_plan:
            return planned
        judged = await self.judge(planned)
        await self.write(judged, "promote")
        return judged

    async def write(self, judged: Sequence[JudgedPromotion], command: str) -> None:
        """Copy the images to every environment and secondary registry; then, where all are in the environments, record
        and move the tags. Raises the first fault of an environment, which keeps the tags of further ones where they
        are; a secondary registry that fails gets no tag."""
        context, moving = self._context, [one.tags for one in judged if one.promotion.moves]
        copied, following = await both(
            lambda: copy_images(context, moving), lambda: copy_to_secondaries(context, self._following)
        )
        _raise_first(copied)
        store, recorded = context.store(), False
        try:
            for environment in self._to:
                tags = [one for one in moving if one.candidate.destination.environment == environment]
                if tags:
                    ledger = await load_ledger(store, environment.name)  # judging may have taken minutes
                    results = await perform_recorded(context, store, ledger, tags, command)
                    recorded = True
                    _raise_first(results)
        finally:
            if recorded:
                await describe_environments(context, store)
        self.secondaries = await move_in_secondaries(context, store, following, command)

    def moves_of(self, planned: Iterable[ImagePromotion | JudgedPromotion]) -> list[TagMove]:
        """Every tag that they move, in environments and at secondary registries."""
        moves = [move for one in planned for move in one.promotion.moves]
        return moves + [move for one in self.secondaries for move in one.moves]


def _raise_first(results: Iterable[Moved]) -> None:
    for result in results:
        if isinstance(result, LockageError):
            raise result
