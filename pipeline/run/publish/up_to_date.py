"""Whether an image tag is published already as this run would leave it; only tags that people use are requested."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    destination = publication.destination
    current = await each(registry.head, destination.references) if destination else []
    if any(descriptor is None or descriptor.digest != published.index for descriptor in current):
        return None
    if publication.signs and not await _signed(registry, publication, published, context.signatory):
        return None
    return published


async def _signed(
    registry: Registry, publication: Publication, published: PublishedTag, key: Signatory
) -> bool:
    if published.signature is None:
        return False
    seen = await examine_one(registry, publication.repository, published.index, published.signature, key)
    return seen.signature_for(publication.claims.index) is not None
