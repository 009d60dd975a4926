"""The history of an environment: the entries of its ledger, and whether they and the registry agree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest
from pipeline.policy.tag_moves import TagPosition
from pipeline.registry.content_faults import describe, is_content_fault
from pipeline.state.ledger import Ledger, LedgerEntry, load_ledger
from pipeline.util.concurrency import each
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from pipeline.config import Environment
    from pipeline.run.context import RunContext
    from pipeline.state.store import Store


@dataclass(frozen=True, slots=True)
class History:
    """The entries of an environment's ledger, the newest first, and what is wrong with them or with its tags."""

    environment: str
    entries: tuple[LedgerEntry, ...]
    problems: tuple[str, ...] = ()

    def of_image(self, image: str | None) -> tuple[LedgerEntry, ...]:
        """Those that changed an image; all without one."""
        if image is None:
            return self.entries
        return tuple(e for e in self.entries if any(change.image == image for change in e.changes))


async def read_history(context: RunContext, environment: Environment, *, check: bool = False) -> History:
    """The history of an environment: one request for each entry; with `check` also one for each tag, there and at each
    secondary registry.

    What a trusted key did not sign, or a later entry does not name, is a problem and no entry. Raises RegistryError.
    """
    store = context.store()
    ledger = await load_ledger(store, environment.name)
    entries, problems = await _entries(store, ledger)
    problems = [*store.warnings, *problems, *_forks(ledger)]
    if check:
        problems += unapproved(entries) if environment.approvals else []
        problems += await _moved(context, environment, ledger)
        for secondary in context.plan.project.secondaries_of(environment):
            problems += await _at_secondary(context, store, secondary, ledger)
    return History(environment.name, tuple(entries), tuple(problems))


async def _entries(store: Store, ledger: Ledger) -> tuple[list[LedgerEntry], list[str]]:
    """The entries that the newest one leads to, and where the way ends too early."""
    if ledger.newest is None:
        return [], []
    entries = [ledger.newest]
    for layer in ledger.layers[1:]:
        after = entries[-1]
        if layer.digest != after.previous:
            return entries, [f"a gap: entry {after.sequence} follows {after.previous}, not {layer.digest}"]
        entry = await _entry(store, layer)
        if isinstance(entry, str):
            return entries, [f"a gap: the entry before {after.sequence} cannot be read: {entry}"]
        entries.append(entry)
    if entries[-1].previous is not None:
        return entries, [
            f"a gap: entry {entries[-1].sequence} follows {entries[-1].previous}, which is missing"
        ]
    return entries, []


async def _entry(store: Store, layer: Descriptor) -> LedgerEntry | str:
    try:
        return LedgerEntry.from_bytes(await store.registry.blob(store.repository, layer))
    except RegistryError as fault:
        if fault.status != 404 and not is_content_fault(fault):
            raise
        return describe(fault)
    except (ValueError, TypeError) as fault:
        return str(fault)


def _forks(ledger: Ledger) -> list[str]:
    known = {layer.digest for layer in ledger.layers}
    return [
        f"a fork: {digest} is the newest entry of another key, and no later entry follows it"
        for digest in ledger.others
        if digest not in known
    ]


def unapproved(entries: Sequence[LedgerEntry]) -> list[str]:
    """The entries, the newest first, that nobody approved and that follow approved ones: somebody changed the
    environment by another lockage.yml."""
    approved = [number for number, entry in enumerate(entries) if entry.act.approvers]
    return [
        f"entry {entry.sequence}, {entry.act.command} by {entry.act.author or 'somebody'}, was approved by nobody"
        for entry in entries[: max(approved, default=0)]
        if not entry.act.approvers
    ]


async def _moved(context: RunContext, environment: Environment, ledger: Ledger) -> list[str]:
    """The tags that are not where Lockage left them."""

    async def one(named: tuple[str, TagPosition]) -> str | None:
        name, position = named
        image, _, tag = name.rpartition(":")
        reference = context.repository(environment, image).tagged(tag)
        manifest = await context.registry.head(reference)
        now = manifest.digest if manifest else None
        if position.is_at(now):
            return None
        return f"{reference}  {_text(position.digest)} → {_text(now)}, not ours"

    lines: Sequence[str | None] = await each(one, sorted(ledger.tags.items()))
    return [line for line in lines if line]


async def _at_secondary(
    context: RunContext, store: Store, secondary: Environment, ledger: Ledger
) -> list[str]:
    """The tags at a secondary registry that are not where Lockage left them, or behind those of the environment."""
    try:
        secondary_ledger = await load_ledger(store, secondary.name)
        problems = await _moved(context, secondary, secondary_ledger)
    except RegistryError as fault:
        return [f"{secondary.name} cannot be checked: {fault.message}"]
    for name, position in sorted(ledger.tags.items()):
        image, _, tag = name.rpartition(":")
        left = secondary_ledger.left(image, tag)
        if position.digest and not position.pending and (left is None or left.digest != position.digest):
            reference = context.repository(secondary, image).tagged(tag)
            now = _text(left.digest if left else None)
            problems.append(
                f"{reference}  {now} is behind {position.digest}; lockage run brings it up to date"
            )
    return problems


def _text(digest: Digest | None) -> str:
    return str(digest) if digest else "nothing"
