"""What retention writes into ledgers: an entry before anything is deleted, and again with what was."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pipeline.policy.retention import Action, RepositoryPlan
from pipeline.policy.tag_moves import TagPosition
from pipeline.state.ledger import Act, Ledger, LedgerEntry, TagChange, completed, load_ledger, write_entry
from pipeline.util.timestamps import format_timestamp

from ..recorded_state import RETENTION
from .scope import RetentionScope


def change_of(plan: RepositoryPlan, action: Action) -> TagChange:
    """An action as the ledger has it."""
    return TagChange(plan.image, action.tag, action.digest, None)


async def begin(scope: RetentionScope, ledger: Ledger, changes: Sequence[TagChange]) -> LedgerEntry | None:
    """Write down what is about to be deleted. Raises UsageError without a key to sign with, RegistryError."""
    if not changes:
        return None
    act = Act(RETENTION, scope.request.author, format_timestamp(scope.now), scope.request.commit)
    if scope.request.plan:
        act = scope.request.plan.named_in(act, ledger.environment)
    entry = ledger.next(act, changes)
    await write_entry(scope.store, ledger, entry)
    return entry


async def complete(scope: RetentionScope, ledger: Ledger, entry: LedgerEntry, done: Iterable[str]) -> None:
    """Write the entry again, with what was deleted alone: the changes with these names. Raises RegistryError."""
    gone = set(done)
    stayed = {change.name for change in entry.changes} - gone
    tags = {name: position for name, position in entry.tags.items() if name not in stayed}
    for name in stayed & entry.tags.keys():
        if before := _before(ledger, name):
            tags[name] = before
    changes = tuple(change for change in entry.changes if change.name in gone)
    await write_entry(scope.store, ledger, completed(replace(entry, changes=changes, tags=tags), gone))


async def resume(scope: RetentionScope, ledger: Ledger, remaining: Iterable[str]) -> Ledger:
    """Complete the newest entry, if it is of a run that was killed: `there` are the names of what is still there. What
    is to go is deleted, and recorded, by this run. Gives the ledger as it is then. Raises RegistryError."""
    entry = ledger.newest
    if entry is None or entry.complete or entry.act.command != RETENTION:
        return ledger
    left = set(remaining)
    done = [change.name for change in entry.changes if change.name not in left]
    await complete(scope, replace(ledger, layers=ledger.layers[1:]), entry, done)
    return await load_ledger(scope.store, ledger.environment)


def _before(ledger: Ledger, name: str) -> TagPosition | None:
    """Where a tag was left that was not deleted after all; None for one that no promotion has written."""
    position = ledger.tags.get(name)
    if position is None or not position.pending or position.digest is not None:
        return position
    return TagPosition(position.before, position.version)
