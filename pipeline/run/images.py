"""One image tag, all its platforms passed: push by digest, sign, tag, promote; tags last at every step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pipeline.catalogue import Target
from pipeline.config import Environment
from pipeline.errors import LockageError
from pipeline.model import Descriptor, Reference, Repository
from pipeline.release import perform, plan_promotion, push
from pipeline.release.push import Pushed

from .fanout import missing_platforms, push_platforms, refs
from .in_place import in_place, keep, untagged
from .memory import Record
from .results import ImageResult, Stage, Status
from .signed import see_to_signatures, tell_of_closed
from .targets import Done
from .workshop import Workshop


async def publish(
    shop: Workshop, group: Sequence[tuple[Target, Done]], until: Stage, to: Environment | None
) -> ImageResult:
    """Everything about one image tag after its gates. Faults become results; only cancellation passes through."""
    target = group[0][0]
    base = ImageResult(target.image, target.tag, Status.ABORTED, "")
    bad = [done.result for _, done in group if not done.result.status.good]
    built = any(done.result.status is Status.BUILT for _, done in group)
    try:
        if bad:
            if until.number >= Stage.SIGN.number:
                await _tell(shop, group, to)
            return replace(base, reason="; ".join(f"{r.platform}: {r.status}" for r in bad))
        result = await _publish(
            shop, group, until, to, replace(base, status=Status.BUILT if built else Status.REUSED)
        )
        shop.report(target.name, "in place", "")
        return result
    except LockageError as fault:
        shop.report(target.name, "failed", "")
        return replace(base, status=Status.FAILED, reason=fault.message, fault=fault)


async def _publish(
    shop: Workshop,
    group: Sequence[tuple[Target, Done]],
    until: Stage,
    to: Environment | None,
    result: ImageResult,
) -> ImageResult:
    target = group[0][0]
    first = shop.plan.project.environments[0]
    repository = shop.repository(first, target.image)
    records = [done.record for _, done in group if done.record]
    targets = [one for one, _ in group]
    if missing_platforms(shop, targets):
        return await push_platforms(shop, repository, targets, records, result)
    result = replace(result, refs=refs(targets, records, [repository.at(r.digest) for r in records]))
    signs = until.number >= Stage.SIGN.number
    if until is not Stage.PROMOTE or to == first or shop.plan.snapshot_id:
        to = None
    standing = await in_place(shop, target, repository, records, result, signs=signs, to=to)
    if standing:
        return await _tagged(shop, target, repository, records, standing)
    if result.status is Status.BUILT:
        shop.report(target.name, Stage.PUSH, str(repository))
    built = [Pushed(t.platform, r.digest, r.attestations) for (t, _), r in zip(group, records, strict=True)]
    index, children = await push(shop.registry, shop.builds, repository, built)
    result = replace(result, index=index.digest, pushed=repository.at(index.digest))
    if signs:
        known = list(zip(children, records, strict=True))
        await see_to_signatures(shop, target, repository, index, known)
        result = replace(result, signed=True)
    result = await _tagged(shop, target, repository, records, result)
    if to is None:
        return result
    return await _promote(shop, target, repository, index, to, result)


async def _tell(shop: Workshop, group: Sequence[tuple[Target, Done]], to: Environment | None) -> None:
    """Of an image whose gate closed only now, the new findings are attested where it is published already."""
    known = [(target, done.record) for target, done in group if done.record]
    examined = all(done.result.status in (Status.CLOSED, Status.REUSED) for _, done in group)
    if examined and len(known) == len(group) and not missing_platforms(shop, [target for target, _ in known]):
        await tell_of_closed(shop, known, to)


async def _tagged(
    shop: Workshop, target: Target, repository: Repository, records: Sequence[Record], result: ImageResult
) -> ImageResult:
    """The result with the commit's tags pointing to its index; those that do already are left alone."""
    assert result.index, "tagged before it was pushed"
    tags, missing = shop.commit_tags(target), untagged(shop, target, repository, records)
    written: tuple[Reference, ...] = ()
    if missing:
        promotion = await plan_promotion(shop.registry, repository, result.index, repository, missing)
        written = await perform(shop.registry, promotion)
    pushed = repository.tagged(tags[0]) if tags else repository.at(result.index)
    keep(shop, target, repository, records, result)
    return replace(result, pushed=pushed.pinned(result.index), written=written)


async def _promote(
    shop: Workshop,
    target: Target,
    source: Repository,
    index: Descriptor,
    to: Environment,
    result: ImageResult,
) -> ImageResult:
    """Copy and move tags; what was attached since to an image that is in place already is brought along as well."""
    destination = shop.repository(to, target.image)
    plan = await plan_promotion(shop.registry, source, index.digest, destination, target.tags)
    if not plan.moves:
        await shop.registry.copy(source, index.digest, destination)
    if plan.moves:
        shop.report(target.name, Stage.PROMOTE, f"{to.name}: {', '.join(target.tags)}")
    written = await perform(shop.registry, plan)
    promoted = tuple(destination.tagged(tag) for tag in target.tags)
    return replace(result, promoted=promoted, written=(*result.written, *written))
