"""One image tag, all its platforms passed: push by digest, sign, tag, promote; tags last at every step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pipeline.catalogue import Target
from pipeline.config import Environment
from pipeline.errors import LockageError
from pipeline.model import Descriptor, Reference, Repository
from pipeline.release import perform, plan_promotion, push
from pipeline.trust import examine, verify

from .attest import sign
from .results import ImageResult, Stage, Status
from .targets import Done
from .workshop import Workshop


async def publish(
    shop: Workshop, group: Sequence[tuple[Target, Done]], until: Stage, to: Environment | None
) -> ImageResult:
    """Everything about one image tag after its gates. Faults become results; only cancellation passes through."""
    target = group[0][0]
    base = ImageResult(target.image, target.tag, Status.ABORTED, "")
    bad = [done.result for _, done in group if not done.result.status.good]
    if bad:
        return replace(base, reason="; ".join(f"{r.platform}: {r.status}" for r in bad))
    built = any(done.result.status is Status.BUILT for _, done in group)
    try:
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
    records = [(t, done.record) for t, done in group if done.record]
    if result.status is Status.BUILT:
        shop.report(target.name, Stage.PUSH, str(repository))
    built = [(t.platform, r.digest) for t, r in records]
    index, children = await push(shop.registry, shop.builds, repository, built)
    result = replace(result, index=index.digest, pushed=repository.at(index.digest))
    if until.number >= Stage.SIGN.number:
        if not await _is_signed(shop, repository, index):
            known = zip(children, [record for _, record in records], strict=True)
            await sign(shop, target.name, repository, index, list(known))
            await verify(shop.registry, repository, index.digest, shop.signing.key)
        result = replace(result, signed=True)
    tags = shop.commit_tags(target)
    written = await _tag(shop, repository, index, tags)
    pushed = (repository.tagged(tags[0]) if tags else repository.at(index.digest)).pinned(index.digest)
    result = replace(result, pushed=pushed, written=written)
    if until is Stage.PROMOTE and to is not None and to != first and not shop.plan.snapshot_id:
        return await _promote(shop, target, repository, index, to, result)
    return result


async def _is_signed(shop: Workshop, repository: Repository, index: Descriptor) -> bool:
    return (await examine(shop.registry, repository, index.digest, shop.signing.key)).signed


async def _tag(
    shop: Workshop, repository: Repository, index: Descriptor, tags: Sequence[str]
) -> tuple[Reference, ...]:
    """Point tags of the same repository to the index; those that do already are left alone."""
    promotion = await plan_promotion(shop.registry, repository, index.digest, repository, tags)
    return await perform(shop.registry, promotion)


async def _promote(
    shop: Workshop,
    target: Target,
    source: Repository,
    index: Descriptor,
    to: Environment,
    result: ImageResult,
) -> ImageResult:
    destination = shop.repository(to, target.image)
    plan = await plan_promotion(shop.registry, source, index.digest, destination, target.tags)
    if plan.moves:
        shop.report(target.name, Stage.PROMOTE, f"{to.name}: {', '.join(target.tags)}")
    written = await perform(shop.registry, plan)
    promoted = tuple(destination.tagged(tag) for tag in target.tags)
    return replace(result, promoted=promoted, written=(*result.written, *written))
