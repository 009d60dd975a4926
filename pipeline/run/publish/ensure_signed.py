"""Signatures and attestations of an image tag: seen to once, and again where findings are newer than what is signed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.config import Environment
from pipeline.model import Descriptor, Digest, Repository
from pipeline.model.descriptor import OCI_INDEX
from pipeline.plan import Target
from pipeline.state.records import Record, write_record
from pipeline.trust import examine, verify

from .attest import sign
from .push import Pushed, fan_in

if TYPE_CHECKING:
    from ..context import RunContext

Children = Sequence[tuple[Descriptor, Record]]


async def ensure_signed(
    context: RunContext, target: Target, repository: Repository, index: Descriptor, children: Children
) -> None:
    """Sign what is not signed, attest findings that are newer than those attested, and verify."""
    if not stale(children) and await _is_signed(context, repository, index.digest):
        return
    await sign(context, target.name, repository, index, children)
    await verify(context.registry, repository, index.digest, context.signing.key)
    for record in stale(children):
        said = replace(record, attested=record.findings)
        context.kept.note(await write_record(context.registry, context.builds, said, {}))


async def report_closed(
    context: RunContext, group: Sequence[tuple[Target, Record]], to: Environment | None
) -> None:
    """Attest new findings on an image that was published before its gate closed by them, wherever it is: whoever
    asks the digest shall know. No tag moves; an image that was never published is left alone."""
    target = group[0][0]
    built = [Pushed(t.platform, r.digest, r.attestations) for t, r in group]
    raw, found = await fan_in(context.registry, context.builds, built)
    children = [(child, record) for child, (_, record) in zip(found, group, strict=True)]
    index = Descriptor.of(raw, OCI_INDEX)
    first = context.plan.project.environments[0]
    repository = context.repository(first, target.image)
    if not stale(children) or await context.registry.head(repository.at(index.digest)) is None:
        return
    await ensure_signed(context, target, repository, index, children)
    if to is None or to == first:
        return
    destination = context.repository(to, target.image)
    if await context.registry.head(destination.at(index.digest)) is not None:
        await context.registry.copy(repository, index.digest, destination)


def stale(children: Children) -> list[Record]:
    """Those whose findings are of other data than the findings that are attested."""
    return [record for _, record in children if record.attested != record.findings]


async def _is_signed(context: RunContext, repository: Repository, index: Digest) -> bool:
    return (await examine(context.registry, repository, index, context.signing.key)).signed
