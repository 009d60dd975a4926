"""Releases: the images of a commit get the tags of a version, everywhere at once, without being built again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import UsageError
from pipeline.policy import release_tags
from pipeline.run.publish.image_claims import ImageClaims
from pipeline.run.publish.promotion import TagMove, any_moves
from pipeline.run.signing.signer import signer
from pipeline.trust import PROVENANCE, SIGNATURE, Statement, attach, examine
from pipeline.trust.claims import ATTESTED
from pipeline.util.concurrency import each
from pipeline.util.dataclass import dataclass

from ..promotable import PromotableImage
from ..promote import (
    ImagePromotion,
    JudgedPromotion,
    Promotions,
    PromotionTags,
)

if TYPE_CHECKING:
    from pipeline.config import Environment
    from pipeline.model import Descriptor
    from pipeline.plan import Plan, Target
    from pipeline.run.context import RunContext
    from pipeline.run.secondary.follow import SecondaryResult
    from pipeline.trust.claims import Claims

RELEASE = "release"
"""The command that entries of releases name in the ledger."""


@dataclass(frozen=True, slots=True)
class ReleaseNames:
    """The tags of a version for each image tag of a plan.

    The only tag of an image gets `v2.3.0` and what rolls with it, a variant `v2.3.0-slim`. Where an image has several
    tags, each gets its own: `v2.3.0-3.11`.
    """

    version: str
    suffixes: Mapping[str, str]

    @classmethod
    def of(cls, catalogue: Plan, version: str) -> ReleaseNames:
        """Those of a whole catalogue. Raises UsageError for what is not a semantic version."""
        try:
            release_tags(version)
        except ValueError as fault:
            raise UsageError(str(fault), hint="write it as v2.3.0, or as v2.3.0-rc.1") from None
        bases: dict[str, set[str]] = {}
        for target in catalogue.targets:
            bases.setdefault(target.image, set()).add(target.base_tag)

        def suffix(target: Target) -> str:
            variant = target.tag.removeprefix(target.base_tag) if target.variant else ""
            return variant if len(bases[target.image]) == 1 else f"-{target.tag}"

        return cls(version, {target.name: suffix(target) for target in catalogue.targets})

    def tags_of(self, target: Target) -> PromotionTags:
        """The tags of an image tag, its own first."""
        return PromotionTags(release_tags(self.version, suffix=self.suffixes[target.name]), release=True)


class Releases:
    """The release of a version: every image of the plan that the commit's run left in the first environment."""

    def __init__(
        self,
        context: RunContext,
        names: ReleaseNames,
        to: Sequence[Environment],
        *,
        signed: bool | None = None,
    ) -> None:
        self._context, self._names = context, names
        first = context.plan.project.environments[0]
        self._promotions = Promotions(context, first, to, tags_of=self._names.tags_of, signed=signed)

    @property
    def secondaries(self) -> tuple[SecondaryResult, ...]:
        """What became of the environments at secondary registries, once planned or performed."""
        return self._promotions.secondaries

    async def perform(
        self, *, only_plan: bool = False, agree: Callable[[Sequence[TagMove]], None] = any_moves
    ) -> Sequence[ImagePromotion | JudgedPromotion]:
        """Find, check and judge the commit's images; then, unless `only_plan`, sign them for the version, copy them to
        every environment, and move tags last, if `agree` lets these moves pass. A release that was interrupted is
        completed by another one.

        Raises UsageError, RegistryError ("No CI image found for commit"), SignatureRefused, GateClosed, TagsRefused;
        then no tag was moved.
        """
        planned = await self._promotions.plan(restore=not only_plan)
        moves = self._promotions.moves_of(planned)
        agree(moves)
        if only_plan:
            return planned
        judged = await self._promotions.judge(planned)
        moving = [one for one in planned if one.promotion.moves]
        images = {one.checked.image.name: one.checked for one in moving if one.checked}
        await each(self._sign, images.values())
        if moves:
            await self._promotions.write(judged, RELEASE)
        return judged

    async def _sign(self, image: PromotableImage) -> None:
        """Sign the index and its platforms for the tags of the release, unless they are."""
        context, name = self._context, image.image.name
        lacks = [
            (descriptor, Statement(descriptor.digest, SIGNATURE, {}, claims.annotations()))
            for descriptor, claims in await each(partial(self._claims, image), self._parts(image))
            if claims
        ]
        if not lacks:
            return
        bundles = await signer(context)(name, [statement for _, statement in lacks])
        for (descriptor, _), bundle in zip(lacks, bundles, strict=True):
            await attach(
                context.registry, image.image.source, descriptor, bundle, created=context.revision.created
            )

    def _parts(self, image: PromotableImage) -> Iterator[tuple[Descriptor, Claims]]:
        """Each platform, then the index, with what its signature claims but for provenance."""
        tags = self._names.tags_of(image.image.targets[0]).tags
        claims = ImageClaims.of(self._context, image.image.targets)
        for _, attested in image.platforms:
            platform = attested.child.platform
            assert platform, "an index of exactly the plan's platforms"
            yield attested.child, replace(claims.platforms[platform], tag=tags[0], tags=tags)
        yield image.image.index, replace(claims.index, tag=tags[0], tags=tags)

    async def _claims(
        self, image: PromotableImage, part: tuple[Descriptor, Claims]
    ) -> tuple[Descriptor, Claims | None]:
        """What is still to be signed; None where a signature claims it."""
        (descriptor, claims), context = part, self._context
        seen = await examine(context.registry, image.image.source, descriptor.digest, context.signatory)
        wanted = replace(claims, provenance=ATTESTED) if seen.has(PROVENANCE) else claims
        return descriptor, None if seen.signature_for(wanted) else wanted
