"""Signatures and attestations of an image tag: seen to once, and again where findings are newer than what is signed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.catalogue import Target
from pipeline.config import Environment
from pipeline.model import Descriptor, Digest, Repository
from pipeline.model.descriptor import OCI_INDEX
from pipeline.release.push import Pushed, fan_in
from pipeline.trust import examine, verify

from .attest import sign
from .memory import Record, remember

if TYPE_CHECKING:
    from .workshop import Workshop

Children = Sequence[tuple[Descriptor, Record]]


async def see_to_signatures(
    shop: Workshop, target: Target, repository: Repository, index: Descriptor, children: Children
) -> None:
    """Sign what is not signed, attest findings that are newer than those attested, and verify."""
    if not stale(children) and await _is_signed(shop, repository, index.digest):
        return
    await sign(shop, target.name, repository, index, children)
    await verify(shop.registry, repository, index.digest, shop.signing.key)
    for record in stale(children):
        said = replace(record, attested=record.findings)
        shop.kept.note(await remember(shop.registry, shop.builds, said, {}))


async def tell_of_closed(
    shop: Workshop, group: Sequence[tuple[Target, Record]], to: Environment | None
) -> None:
    """Attest new findings on an image that was published before its gate closed by them, wherever it is: whoever
    asks the digest shall know. No tag moves; an image that was never published is left alone."""
    target = group[0][0]
    built = [Pushed(t.platform, r.digest, r.attestations) for t, r in group]
    raw, found = await fan_in(shop.registry, shop.builds, built)
    children = [(child, record) for child, (_, record) in zip(found, group, strict=True)]
    index = Descriptor.of(raw, OCI_INDEX)
    first = shop.plan.project.environments[0]
    repository = shop.repository(first, target.image)
    if not stale(children) or await shop.registry.head(repository.at(index.digest)) is None:
        return
    await see_to_signatures(shop, target, repository, index, children)
    if to is None or to == first:
        return
    destination = shop.repository(to, target.image)
    if await shop.registry.head(destination.at(index.digest)) is not None:
        await shop.registry.copy(repository, index.digest, destination)


def stale(children: Children) -> list[Record]:
    """Those whose findings are of other data than the findings that are attested."""
    return [record for _, record in children if record.attested != record.findings]


async def _is_signed(shop: Workshop, repository: Repository, index: Digest) -> bool:
    return (await examine(shop.registry, repository, index, shop.signing.key)).signed
