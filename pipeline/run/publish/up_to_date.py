"""Whether an image tag is published already as this run would leave it; only tags that people use are requested."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipeline.model import Digest, Reference
from pipeline.state.run_state import PublishedTag, RunState
from pipeline.trust.verify import examine_one
from pipeline.util.concurrency import each

if TYPE_CHECKING:
    from pipeline.registry import Registry
    from pipeline.trust import Signatory

    from ..context import RunContext
    from .publication import Publication


def published_before(state: RunState, publication: Publication) -> PublishedTag | None:
    """How an earlier run of this day published the same platforms."""
    return state.published(publication.state_name, publication.digests)


async def find_up_to_date(
    registry: Registry, state: RunState, publication: Publication, context: RunContext
) -> PublishedTag | None:
    """How the image tag is published, if everything but the commit's tags is as desired; else None.

    The run state's word for a signature is not enough: the one that it names is read and verified, in two requests. A
    run that ends with signing compares everything that is attached instead: that is what `lockage sign` is called for.
    """
    published = published_before(state, publication)
    if published is None or publication.compares:
        return None
    attested = all(record.attested == record.findings for record in publication.records)
    if publication.signs and not (attested and published.signed_by == context.signed_by):
        return None
    wanted = environment_tags(publication, published)
    if context.promotion.may_move_kept and any(digest != published.index for digest, _ in wanted.values()):
        return None
    current = await each(registry.head, list(wanted))
    named = [descriptor.digest if descriptor else None for descriptor in current]
    if named != [digest for digest, _ in wanted.values()]:
        return None
    if publication.signs and not await _signed(registry, publication, published, context.signatory):
        return None
    return published


def environment_tags(
    publication: Publication, published: PublishedTag
) -> Mapping[Reference, tuple[Digest | None, str]]:
    """What each tag of the environments that an image tag is promoted to names, and why where it is not the index."""
    wanted: dict[Reference, tuple[Digest | None, str]] = {
        ref: (published.index, "")
        for destination in publication.destinations
        for ref in destination.references
    }
    repositories = {destination.repository for destination in publication.destinations}
    adjusted = {Reference.parse(text): tag for text, tag in published.adjusted.items()}
    return wanted | {ref: tag for ref, tag in adjusted.items() if ref.repository in repositories}


async def _signed(
    registry: Registry, publication: Publication, published: PublishedTag, key: Signatory
) -> bool:
    if published.signature is None:
        return False
    seen = await examine_one(registry, publication.repository, published.index, published.signature, key)
    return seen.signature_for(publication.claims.index) is not None
