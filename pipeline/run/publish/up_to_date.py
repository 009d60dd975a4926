"""Whether an image tag stands already as this run would leave it; only tags that people use are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pipeline.config import Environment
from pipeline.model import Reference, Repository
from pipeline.plan import Target
from pipeline.state.records import Record
from pipeline.state.run_state import PublishedTag
from pipeline.util.concurrency import each

from ..context import RunContext
from ..results import ImageResult


def keep(
    context: RunContext,
    target: Target,
    repository: Repository,
    records: Sequence[Record],
    result: ImageResult,
) -> None:
    """Note for later runs where an image tag stands; `records` are those of its platforms in plan order."""
    if result.index is None:
        return
    signed_by = context.signing.fingerprint if result.signed else ""
    children = tuple(record.digest for record in records)
    before = context.kept.place(_name(repository, target), children)
    tags = context.lasting_tags(target) | (before.tags if before else frozenset())
    context.kept.put(_name(repository, target), PublishedTag(children, result.index, signed_by, tags))


async def in_place(
    context: RunContext,
    target: Target,
    repository: Repository,
    records: Sequence[Record],
    result: ImageResult,
    *,
    signs: bool,
    to: Environment | None,
) -> ImageResult | None:
    """The result if an earlier run of this day left everything but the commit's tags as it shall be, else None.

    `signs` says whether the image shall be signed, `to` where it shall be promoted to.
    """
    place = context.kept.place(_name(repository, target), [record.digest for record in records])
    if place is None:
        return None
    if signs and (
        place.signed_by != context.signing.fingerprint or any(r.attested != r.findings for r in records)
    ):
        return None
    promoted: tuple[Reference, ...] = ()
    if to is not None:
        destination = context.repository(to, target.image)
        promoted = tuple(destination.tagged(tag) for tag in target.tags)
        found = await each(context.registry.head, promoted)
        if any(now is None or now.digest != place.index for now in found):
            return None
    pushed = repository.at(place.index)
    return replace(result, index=place.index, pushed=pushed, signed=signs, promoted=promoted)


def untagged(
    context: RunContext, target: Target, repository: Repository, records: Sequence[Record]
) -> tuple[str, ...]:
    """The tags of this commit that are not known to be written."""
    place = context.kept.place(_name(repository, target), [record.digest for record in records])
    return tuple(tag for tag in context.commit_tags(target) if place is None or tag not in place.tags)


def _name(repository: Repository, target: Target) -> str:
    return str(repository.tagged(target.tags[0]))
