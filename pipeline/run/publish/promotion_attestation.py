"""Promotions as attestations: on each digest that tags are moved to, for those who see no ledger."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import RegistryError
from pipeline.model import Digest, Repository
from pipeline.trust import Statement, attach
from pipeline.util.concurrency import each
from pipeline.util.timestamps import parse_timestamp

from ..signing.signer import signer

if TYPE_CHECKING:
    from pipeline.state.ledger import LedgerEntry

    from ..context import RunContext
    from .environment_tags import PlannedTags

PROMOTION = "https://lockage.org/statement/promotion/v1"
"""The predicate type: a digest got tags in an environment."""


async def attest(context: RunContext, entry: LedgerEntry, planned: Sequence[PlannedTags]) -> None:
    """Sign what an entry of the ledger says of each digest, and attach it where the tags are, before they move.

    Raises UsageError for a key that cannot sign, RegistryError.
    """
    subjects: dict[tuple[Repository, Digest], list[PlannedTags]] = {}
    for plan in planned:
        if plan.promotion.moves:
            subject = plan.promotion.destination, plan.promotion.digest
            subjects.setdefault(subject, []).append(plan)
    await each(partial(_attest_all, context, entry), subjects.values())


async def _attest_all(context: RunContext, entry: LedgerEntry, plans: Sequence[PlannedTags]) -> None:
    for plan in plans:  # of one digest: registries lose referrers that are written at the same time
        await _attest(context, entry, plan)


async def _attest(context: RunContext, entry: LedgerEntry, plan: PlannedTags) -> None:
    promotion, act = plan.promotion, entry.act
    image = promotion.destination.at(promotion.digest)
    manifest = await context.registry.copied_manifest(image)
    if manifest is None:
        raise RegistryError(f"{image} does not exist after it was copied")
    statement = Statement(promotion.digest, PROMOTION, predicate(entry, plan))
    (bundle,) = await signer(context)(plan.candidate.name, [statement])
    created = parse_timestamp(act.time)
    await attach(context.registry, promotion.destination, manifest.descriptor, bundle, created=created)


def predicate(entry: LedgerEntry, plan: PlannedTags) -> dict[str, object]:
    """What is attested: the act, the tags with what they named before, and the entry of the ledger with the digest of
    the one before it."""
    promotion = plan.promotion
    return {
        "environment": entry.environment,
        "repository": str(promotion.destination),
        "tags": {move.reference.tag: str(move.before) if move.before else None for move in promotion.moves},
        "version": plan.candidate.version,
        **entry.act.to_json(),
        "ledger": {"entry": entry.sequence, "previous": str(entry.previous) if entry.previous else None},
    }
