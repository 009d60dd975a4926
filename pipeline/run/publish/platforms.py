"""Some platforms of an image tag: pushed by digest under a tag each, for `lockage manifest` to merge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.model import Digest, Platform, Reference, Repository
from pipeline.oci.index import platform_tag

from ..results import ImageResult, Stage, Status
from .promotion import perform, plan_promotion
from .push import Pushed, push
from .refs import PlatformRef

if TYPE_CHECKING:
    from pipeline.plan import Target
    from pipeline.state.records import Record

    from ..context import RunContext


def missing_platforms(context: RunContext, group: Sequence[Target]) -> tuple[Platform, ...]:
    """The platforms of an image tag that this run was told to leave to others."""
    return tuple(sorted(context.whole.get(group[0].name, frozenset()) - {t.platform for t in group}))


def refs(
    targets: Sequence[Target], records: Sequence[Record], pushed: Sequence[Reference]
) -> tuple[PlatformRef, ...]:
    """What was pushed of an image tag, by digest, for a file of refs."""
    return tuple(
        PlatformRef(t.id, t.image, t.tag, t.platform, record.key, reference)
        for t, record, reference in zip(targets, records, pushed, strict=True)
    )


async def push_platforms(
    context: RunContext,
    repository: Repository,
    targets: Sequence[Target],
    records: Sequence[Record],
    result: ImageResult,
) -> ImageResult:
    """Push each platform that passed, and tag it `<commit tag>-linux-<arch>`; no index, nothing signed.

    An index of some platforms under the tag of all would be wrong for whoever pulls it on another.
    """
    first = targets[0]
    tags = context.commit_tags(first)
    if result.status is Status.BUILT:
        context.report(first.name, Stage.PUSH, str(repository))
    written, pushed = [], []
    for target, record in zip(targets, records, strict=True):
        digest = await _push(context, repository, target, record)
        pushed.append(repository.at(digest))
        names = [platform_tag(tags[0], target.platform)] if tags else []
        moves = await plan_promotion(context.registry, repository, digest, repository, names)
        written += await perform(context.registry, moves)
    left = ", ".join(map(str, missing_platforms(context, targets)))
    reason = f"no index: {left} left to another run; then `lockage manifest {first.name}`"
    context.report(first.name, Stage.PUSH, reason)
    return replace(result, reason=reason, written=tuple(written), refs=refs(targets, records, pushed))


async def _push(context: RunContext, repository: Repository, target: Target, record: Record) -> Digest:
    """What is pushed of one platform: its manifest, or where BuildKit attested it the index of both."""
    if not record.attestations:
        await context.registry.copy(context.builds, record.digest, repository, referrers=False)
        return record.digest
    one = Pushed(target.platform, record.digest, record.attestations)
    index, _ = await push(context.registry, context.builds, repository, [one])
    return index.digest
