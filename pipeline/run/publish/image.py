"""One image tag's way to the first environment: records, index, signed, tagged; tags last at every step.

What pushes and signs is imported where something is pushed or signed: most image tags are up to date.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.errors import LockageError
from pipeline.model import Digest
from pipeline.state.run_state import PublishedTag
from pipeline.util.dataclass import dataclass
from pipeline.util.progress import ProgressState

from ..results import ImageResult, Status
from .promotion import KeptTag, TagMove, perform, plan_promotion
from .publication import Published
from .up_to_date import environment_tags, find_up_to_date, published_before

if TYPE_CHECKING:
    from pipeline.state.records import Records
    from pipeline.state.run_state import RunState

    from ..context import RunContext
    from ..image_cache import ImageCache
    from ..signing.ensure_signed import Signing
    from ..signing.signer import Sign
    from ..signing.tag_scheme import TagSigner
    from .publication import Publication
    from .push import ImageIndex


@dataclass(frozen=True, slots=True)
class PublishSteps:
    """What the steps of all image tags of a run share."""

    context: RunContext
    images: ImageCache
    records: Records
    state: RunState
    sign: Sign

    @property
    def signing(self) -> Signing:
        """Signing with the run's key pair or identity. Raises ConfigError for a public key that cannot be read."""
        from ..signing.ensure_signed import Signing

        context = self.context
        return Signing(
            context.registry,
            self.records,
            context.signatory,
            self.sign,
            context.revision.created,
            context.plan.project.project,
            context.revision,
            context.origin,
            self._tag_signer if context.plan.project.tag_signatures else None,
        )

    def _tag_signer(self, image: str) -> TagSigner:
        from pipeline.trust import PrivateKey

        from ..signing.tag_scheme import TagSigner

        context = self.context
        pair = context.signing
        return TagSigner(PrivateKey(pair), pair.public_key, context.repositories(image))


async def publish(steps: PublishSteps, publication: Publication, status: Status) -> Published:
    """One image tag whose platforms all passed their gates, in the first environment. Faults become results."""
    target = publication.targets[0]
    result = ImageResult(target.image, target.tag, status, "")
    try:
        if publication.missing:
            published = Published(await _push_some(steps, publication, result))
        else:
            published = await _publish(steps, publication, result)
    except LockageError as fault:
        steps.context.tell(publication.name, ProgressState.FAILED)
        return Published(ImageResult(target.image, target.tag, Status.FAILED, fault.message, fault=fault))
    steps.context.tell(publication.name, ProgressState.UP_TO_DATE)
    return published


async def report_closed(steps: PublishSteps, publication: Publication, result: ImageResult) -> ImageResult:
    """The result of an image tag whose gates closed. If it was published before, the findings that closed them are
    attested there."""
    if publication.signs and not publication.missing:
        from ..signing.ensure_signed import attest_closed

        try:
            await attest_closed(steps.signing, steps.images, publication)
        except LockageError as fault:
            steps.context.tell(publication.name, ProgressState.FAILED)
            return replace(result, status=Status.FAILED, reason=fault.message, fault=fault)
    return result


async def _publish(steps: PublishSteps, publication: Publication, result: ImageResult) -> Published:
    context, repository = steps.context, publication.repository
    by_digest = [repository.at(digest) for digest in publication.digests]
    result = replace(result, refs=publication.refs(by_digest), signed=publication.signs)
    published = await find_up_to_date(context.registry, steps.state, publication, context)
    if published:
        moves, _ = await _tag(steps, publication, published.index, published.signature)
        tags = environment_tags(publication, published)
        return Published(
            replace(
                _published(result, publication, published.index, moves),
                promoted=tuple(ref for ref, (digest, _) in tags.items() if digest == published.index),
                kept=tuple(
                    KeptTag(ref, digest, reason)
                    for ref, (digest, reason) in tags.items()
                    if digest != published.index
                ),
            )
        )
    from .push import build_index, push_index

    _tell_push(steps, publication, result)
    index = await build_index(steps.images, context.builds, publication.platforms)
    await push_index(context.registry, context.builds, repository, publication.platforms, index)
    publication, signature, added = await _sign(steps, publication, index)
    digest = index.descriptor.digest
    moves, state = await _tag(steps, publication, digest, signature)
    return Published(_published(replace(result, added=added), publication, digest, moves), publication, state)


async def _sign(
    steps: PublishSteps, publication: Publication, index: ImageIndex
) -> tuple[Publication, Digest | None, int]:
    """The image tag with its records as attested, the referrer that signs its index, and how many statements were
    attached."""
    if not publication.signs:
        return publication, None, 0
    from ..signing.ensure_signed import ensure_signed

    signed = await ensure_signed(steps.signing, publication, index)
    if signed.unclaimed:
        reason = "signed again: the earlier signature names neither image nor tag, platform or commit"
        steps.context.tell(publication.name, ProgressState.SIGN, reason)
    return replace(publication, records=signed.records), signed.signature, signed.added


async def _tag(
    steps: PublishSteps, publication: Publication, index: Digest, signature: Digest | None
) -> tuple[tuple[TagMove, ...], PublishedTag]:
    """Give the index the commit's tags, but for those that an earlier run is known to have written; gives the moves.
    How the image tag is published now is kept for later runs."""
    registry, repository = steps.context.registry, publication.repository
    before = published_before(steps.state, publication)
    known = before.tags if before else frozenset()
    missing = [tag for tag in publication.commit_tags if tag not in known]
    moves: tuple[TagMove, ...] = ()
    if missing:
        promotion = await plan_promotion(registry, repository, index, repository, missing)
        moves = await perform(registry, promotion)
    signed_by = steps.context.signed_by if publication.signs else None
    signature = signature if publication.signs else None
    tags = publication.lasting_tags | known
    adjusted = before.adjusted if before else {}
    published = PublishedTag(publication.digests, index, signed_by, tags, signature, adjusted)
    steps.state.keep_published(publication.state_name, published)
    return moves, published


async def _push_some(steps: PublishSteps, publication: Publication, result: ImageResult) -> ImageResult:
    """Some platforms of an image tag, for another run to merge."""
    from .platforms import push_platforms

    context = steps.context
    _tell_push(steps, publication, result)
    pushed, written = await push_platforms(context.registry, steps.images, context.builds, publication)
    missing = ", ".join(map(str, publication.missing))
    reason = f"no index: {missing} left to another run; then `lockage manifest {publication.name}`"
    context.tell(publication.name, ProgressState.PUSH, reason)
    return replace(result, reason=reason, moves=tuple(written), refs=publication.refs(pushed))


def _published(
    result: ImageResult, publication: Publication, index: Digest, moves: tuple[TagMove, ...]
) -> ImageResult:
    tags, repository = publication.commit_tags, publication.repository
    reference = repository.tagged(tags[0]).pinned(index) if tags else repository.at(index)
    return replace(result, index=index, pushed=reference, moves=moves)


def _tell_push(steps: PublishSteps, publication: Publication, result: ImageResult) -> None:
    if result.status is Status.BUILT:
        steps.context.tell(publication.name, ProgressState.PUSH, str(publication.repository))
