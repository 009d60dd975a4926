"""One image tag's way: records, index, signed, tagged, promoted; tags last at every step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline.errors import LockageError
from pipeline.model import Digest, Reference
from pipeline.state.run_state import PublishedTag
from pipeline.util.progress import ProgressState

from ..results import ImageResult, Status
from .ensure_signed import Signing, attest_closed, ensure_signed
from .platforms import push_platforms
from .promotion import perform, plan_promotion
from .push import ImageIndex, build_index, push_index
from .up_to_date import find_up_to_date, published_before

if TYPE_CHECKING:
    from pipeline.state.records import Records
    from pipeline.state.run_state import RunState

    from ..context import RunContext
    from ..image_cache import ImageCache
    from .publication import Publication
    from .signer import Sign


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
        """Signing with the run's key pair. Raises ConfigError for a public key that cannot be read."""
        context = self.context
        return Signing(
            context.registry,
            self.records,
            context.signing.public_key,
            self.sign,
            context.revision.created,
            context.plan.project.project,
            context.revision,
            context.origin,
        )


async def publish(steps: PublishSteps, publication: Publication, status: Status) -> ImageResult:
    """The result of one image tag whose platforms all passed their gates. Faults become results."""
    target = publication.targets[0]
    result = ImageResult(target.image, target.tag, status, "")
    try:
        if publication.missing:
            result = await _push_some(steps, publication, result)
        else:
            result = await _publish(steps, publication, result)
    except LockageError as fault:
        steps.context.tell(publication.name, ProgressState.FAILED)
        return ImageResult(target.image, target.tag, Status.FAILED, fault.message, fault=fault)
    steps.context.tell(publication.name, ProgressState.UP_TO_DATE)
    return result


async def report_closed(steps: PublishSteps, publication: Publication, result: ImageResult) -> ImageResult:
    """The result of an image tag whose gates closed. If it was published before, the findings that closed them are
    attested there."""
    if publication.signs and not publication.missing:
        try:
            await attest_closed(steps.signing, steps.images, publication)
        except LockageError as fault:
            steps.context.tell(publication.name, ProgressState.FAILED)
            return replace(result, status=Status.FAILED, reason=fault.message, fault=fault)
    return result


async def _publish(steps: PublishSteps, publication: Publication, result: ImageResult) -> ImageResult:
    context, repository = steps.context, publication.repository
    by_digest = [repository.at(digest) for digest in publication.digests]
    result = replace(result, refs=publication.refs(by_digest), signed=publication.signs)
    published = await find_up_to_date(context.registry, steps.state, publication, context.signing)
    if published:
        written = await _tag(steps, publication, published.index, published.signature)
        return _published(result, publication, published.index, written)
    _tell_push(steps, publication, result)
    index = await build_index(steps.images, context.builds, publication.platforms)
    await push_index(context.registry, context.builds, repository, publication.platforms, index)
    publication, signature = await _sign(steps, publication, index)
    digest = index.descriptor.digest
    written = await _tag(steps, publication, digest, signature)
    written += await _promote(steps, publication, digest)
    return _published(result, publication, digest, written)


async def _sign(
    steps: PublishSteps, publication: Publication, index: ImageIndex
) -> tuple[Publication, Digest | None]:
    """The image tag with its records as attested, and the referrer that signs its index."""
    if not publication.signs:
        return publication, None
    signed = await ensure_signed(steps.signing, publication, index)
    if signed.unclaimed:
        reason = "signed again: the earlier signature names neither image nor tag, platform or commit"
        steps.context.tell(publication.name, ProgressState.SIGN, reason)
    return replace(publication, records=signed.records), signed.signature


async def _tag(
    steps: PublishSteps, publication: Publication, index: Digest, signature: Digest | None
) -> tuple[Reference, ...]:
    """Give the index the commit's tags, but for those that an earlier run is known to have written; gives those that
    were written. How the image tag is published now is kept for later runs."""
    registry, repository = steps.context.registry, publication.repository
    before = published_before(steps.state, publication)
    known = before.tags if before else frozenset()
    missing = [tag for tag in publication.commit_tags if tag not in known]
    written: tuple[Reference, ...] = ()
    if missing:
        promotion = await plan_promotion(registry, repository, index, repository, missing)
        written = await perform(registry, promotion)
    signed_by = steps.context.signing.fingerprint if publication.signs else None
    signature = signature if publication.signs else None
    tags = publication.lasting_tags | known
    published = PublishedTag(publication.digests, index, signed_by, tags, signature)
    steps.state.keep_published(publication.state_name, published)
    return written


async def _promote(steps: PublishSteps, publication: Publication, index: Digest) -> tuple[Reference, ...]:
    """Bring the index with everything attached to it to the destination, and move the tags there; gives those that
    moved."""
    destination, registry = publication.destination, steps.context.registry
    if destination is None:
        return ()
    source = publication.repository
    promotion = await plan_promotion(registry, source, index, destination.repository, destination.tags)
    if not promotion.moves:  # what was attached since the last promotion is still to be copied
        await registry.copy(source, index, destination.repository)
        return ()
    tags = f"{destination.environment}: {', '.join(destination.tags)}"
    steps.context.tell(publication.name, ProgressState.PROMOTE, tags)
    return await perform(registry, promotion)


async def _push_some(steps: PublishSteps, publication: Publication, result: ImageResult) -> ImageResult:
    """Some platforms of an image tag, for another run to merge."""
    context = steps.context
    _tell_push(steps, publication, result)
    pushed, written = await push_platforms(context.registry, steps.images, context.builds, publication)
    missing = ", ".join(map(str, publication.missing))
    reason = f"no index: {missing} left to another run; then `lockage manifest {publication.name}`"
    context.tell(publication.name, ProgressState.PUSH, reason)
    return replace(result, reason=reason, written=tuple(written), refs=publication.refs(pushed))


def _published(
    result: ImageResult, publication: Publication, index: Digest, written: tuple[Reference, ...]
) -> ImageResult:
    tags, repository = publication.commit_tags, publication.repository
    reference = repository.tagged(tags[0]).pinned(index) if tags else repository.at(index)
    promoted = publication.destination.references if publication.destination else ()
    return replace(result, index=index, pushed=reference, promoted=promoted, written=written)


def _tell_push(steps: PublishSteps, publication: Publication, result: ImageResult) -> None:
    if result.status is Status.BUILT:
        steps.context.tell(publication.name, ProgressState.PUSH, str(publication.repository))
