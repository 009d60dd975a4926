"""One image tag, all its platforms passed: push by digest, sign, tag, promote; tags last at every step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pipeline.config import Environment
from pipeline.errors import LockageError
from pipeline.model import Descriptor, Reference, Repository
from pipeline.plan import Target
from pipeline.state.records import Record

from ..context import RunContext
from ..results import ImageResult, Stage, Status
from ..target.process import TargetOutcome
from .ensure_signed import ensure_signed, report_closed
from .platforms import missing_platforms, push_platforms, refs
from .promotion import perform, plan_promotion
from .push import Pushed, push
from .up_to_date import in_place, keep, untagged


async def publish(
    context: RunContext, group: Sequence[tuple[Target, TargetOutcome]], until: Stage, to: Environment | None
) -> ImageResult:
    """Everything about one image tag after its gates. Faults become results; only cancellation passes through."""
    target = group[0][0]
    base = ImageResult(target.image, target.tag, Status.ABORTED, "")
    bad = [done.result for _, done in group if not done.result.status.good]
    built = any(done.result.status is Status.BUILT for _, done in group)
    try:
        if bad:
            if until.number >= Stage.SIGN.number:
                await _tell(context, group, to)
            return replace(base, reason="; ".join(f"{r.platform}: {r.status}" for r in bad))
        result = await _publish(
            context, group, until, to, replace(base, status=Status.BUILT if built else Status.REUSED)
        )
        context.report(target.name, "in place", "")
        return result
    except LockageError as fault:
        context.report(target.name, "failed", "")
        return replace(base, status=Status.FAILED, reason=fault.message, fault=fault)


async def _publish(
    context: RunContext,
    group: Sequence[tuple[Target, TargetOutcome]],
    until: Stage,
    to: Environment | None,
    result: ImageResult,
) -> ImageResult:
    target = group[0][0]
    first = context.plan.project.environments[0]
    repository = context.repository(first, target.image)
    records = [done.record for _, done in group if done.record]
    targets = [one for one, _ in group]
    if missing_platforms(context, targets):
        return await push_platforms(context, repository, targets, records, result)
    result = replace(result, refs=refs(targets, records, [repository.at(r.digest) for r in records]))
    signs = until.number >= Stage.SIGN.number
    if until is not Stage.PROMOTE or to == first or context.plan.snapshot_id:
        to = None
    standing = await in_place(context, target, repository, records, result, signs=signs, to=to)
    if standing:
        return await _tagged(context, target, repository, records, standing)
    if result.status is Status.BUILT:
        context.report(target.name, Stage.PUSH, str(repository))
    built = [Pushed(t.platform, r.digest, r.attestations) for (t, _), r in zip(group, records, strict=True)]
    index, children = await push(context.registry, context.builds, repository, built)
    result = replace(result, index=index.digest, pushed=repository.at(index.digest))
    if signs:
        known = list(zip(children, records, strict=True))
        await ensure_signed(context, target, repository, index, known)
        result = replace(result, signed=True)
    result = await _tagged(context, target, repository, records, result)
    if to is None:
        return result
    return await _promote(context, target, repository, index, to, result)


async def _tell(
    context: RunContext, group: Sequence[tuple[Target, TargetOutcome]], to: Environment | None
) -> None:
    """Of an image whose gate closed only now, the new findings are attested where it is published already."""
    known = [(target, done.record) for target, done in group if done.record]
    examined = all(done.result.status in (Status.CLOSED, Status.REUSED) for _, done in group)
    if (
        examined
        and len(known) == len(group)
        and not missing_platforms(context, [target for target, _ in known])
    ):
        await report_closed(context, known, to)


async def _tagged(
    context: RunContext,
    target: Target,
    repository: Repository,
    records: Sequence[Record],
    result: ImageResult,
) -> ImageResult:
    """The result with the commit's tags pointing to its index; those that do already are left alone."""
    assert result.index, "tagged before it was pushed"
    tags, missing = context.commit_tags(target), untagged(context, target, repository, records)
    written: tuple[Reference, ...] = ()
    if missing:
        promotion = await plan_promotion(context.registry, repository, result.index, repository, missing)
        written = await perform(context.registry, promotion)
    pushed = repository.tagged(tags[0]) if tags else repository.at(result.index)
    keep(context, target, repository, records, result)
    return replace(result, pushed=pushed.pinned(result.index), written=written)


async def _promote(
    context: RunContext,
    target: Target,
    source: Repository,
    index: Descriptor,
    to: Environment,
    result: ImageResult,
) -> ImageResult:
    """Copy and move tags; what was attached since to an image that is in place already is brought along as well."""
    destination = context.repository(to, target.image)
    plan = await plan_promotion(context.registry, source, index.digest, destination, target.tags)
    if not plan.moves:
        await context.registry.copy(source, index.digest, destination)
    if plan.moves:
        context.report(target.name, Stage.PROMOTE, f"{to.name}: {', '.join(target.tags)}")
    written = await perform(context.registry, plan)
    promoted = tuple(destination.tagged(tag) for tag in target.tags)
    return replace(result, promoted=promoted, written=(*result.written, *written))
