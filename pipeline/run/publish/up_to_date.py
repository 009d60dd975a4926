"""Whether an image tag is published already as this run would leave it; only tags that people use are requested."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.model import Digest
from pipeline.state.run_state import PublishedTag, RunState
from pipeline.util.concurrency import each

if TYPE_CHECKING:
    from pipeline.registry import Registry

    from .publication import Publication


def published_before(state: RunState, publication: Publication) -> PublishedTag | None:
    """How an earlier run of this day published the same platforms."""
    return state.published(publication.state_name, publication.digests)


async def find_up_to_date(
    registry: Registry, state: RunState, publication: Publication, fingerprint: Digest
) -> PublishedTag | None:
    """How the image tag is published, if everything but the commit's tags is as desired; else None.

    `fingerprint` is that of the key that signs.
    """
    published = published_before(state, publication)
    if published is None:
        return None
    attested = all(record.attested == record.findings for record in publication.records)
    if publication.signs and not (attested and published.signed_by == fingerprint):
        return None
    destination = publication.destination
    current = await each(registry.head, destination.references) if destination else []
    if any(descriptor is None or descriptor.digest != published.index for descriptor in current):
        return None
    return published
