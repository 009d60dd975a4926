"""Performing a plan: recorded first, tags before manifests, parents before children, read again before and afterwards.

What a run begins to delete is written down before anything is deleted, so that a run which was killed is completed by
the next one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field, replace
from functools import partial

from pipeline.errors import LockageError
from pipeline.model import Digest
from pipeline.policy.retention import Action, RepositoryFacts, RepositoryPlan, RetentionPlan, still_unneeded
from pipeline.state.ledger import TagChange, load_ledger
from pipeline.state.retention import save_memory
from pipeline.util.concurrency import each
from pipeline.util.dataclass import dataclass

from .deletion import VersionRefused
from .record import begin, change_of, complete, resume
from .scope import BUILDS, RetentionScope
from .survey import Survey
from .wholeness import Broken, broken_tags


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the plan of one repository.

    `saved` is what something needs that came meanwhile or that the registry keeps, `refused` what it keeps, with
    reasons. `broken` are tags that stay and are not whole, of `checked`. `fault` ended it early.
    """

    plan: RepositoryPlan
    deleted: tuple[Action, ...] = ()
    saved: tuple[Action, ...] = ()
    refused: tuple[tuple[Action, str], ...] = ()
    checked: int = 0
    broken: tuple[Broken, ...] = ()
    fault: LockageError | None = None

    def to_json(self) -> dict[str, object]:
        """As plain data."""
        return {
            "repository": str(self.plan.repository),
            "deleted": [action.to_json() for action in self.deleted],
            "saved": [action.to_json() for action in self.saved],
            "refused": [{**action.to_json(), "reason": reason} for action, reason in self.refused],
            "checked": self.checked,
            "broken": [one.to_json() for one in self.broken],
            **({"error": self.fault.to_json()} if self.fault else {}),
        }


@dataclass(slots=True)
class _Work:
    """One repository while it is worked on."""

    survey: Survey
    plan: RepositoryPlan
    actions: tuple[Action, ...] = ()
    deleted: list[Action] = field(default_factory=list)
    refused: list[tuple[Action, str]] = field(default_factory=list)

    @property
    def manifests(self) -> frozenset[Digest]:
        """What is to go, tags aside."""
        return frozenset(action.digest for action in self.actions if not action.tag)


async def perform_retention(
    scope: RetentionScope, plan: RetentionPlan, surveys: Sequence[Survey]
) -> list[Outcome]:
    """Delete what a plan names and nothing needs, environment by environment.

    Raises UsageError without a key to sign the records with, RegistryError; then nothing was deleted of that
    environment, nor of those after it.
    """
    outcomes: list[Outcome] = []
    works = [_Work(survey, one) for survey, one in zip(surveys, plan.repositories, strict=True)]
    for environment in dict.fromkeys(one.environment for one in plan.repositories):
        of_it = [work for work in works if work.plan.environment == environment]
        outcomes += await _perform(scope, environment or BUILDS, of_it)
    return outcomes


async def _perform(scope: RetentionScope, name: str, works: Sequence[_Work]) -> list[Outcome]:
    acting = [work for work in works if work.plan.actions]
    await each(_read_again, [work for work in works if work.plan.actions or not work.survey.fresh])
    await each(partial(_remember, scope), works)
    ledger = await load_ledger(scope.store, name)
    ledger = await resume(scope, ledger, (each_name for work in works for each_name in _names(work)))
    changes = [change_of(work.plan, action) for work in acting for action in work.actions]
    entry = await begin(scope, ledger, changes)
    outcomes = await each(_delete, works)
    if entry is not None:
        done = [change_of(work.plan, action).name for work in acting for action in work.deleted]
        await complete(scope, ledger, entry, done)
    finished = [
        work for work, outcome in zip(works, outcomes, strict=True) if work.actions and not outcome.fault
    ]
    await each(partial(_remember, scope, done=True), finished)
    return outcomes


async def _read_again(work: _Work) -> None:
    """Only what nothing needs that came meanwhile is still to go."""
    await work.survey.read(fresh=True)
    work.actions = still_unneeded(work.survey.facts(), work.plan.actions)


async def _remember(scope: RetentionScope, work: _Work, *, done: bool = False) -> None:
    if _is_empty(work):
        return
    memory = work.survey.remembered(frozenset() if done else work.manifests)
    await save_memory(scope.store, work.plan.repository, memory)


def _is_empty(work: _Work) -> bool:
    return not work.survey.reader.tags and not work.survey.memory.time


def _names(work: _Work) -> Iterator[str]:
    """What is in a repository, as a ledger names it."""
    image, reader = work.plan.image, work.survey.reader
    yield from (TagChange(image, tag, None, None).name for tag in reader.tags)
    yield from (TagChange(image, "", digest, None).name for digest in reader.nodes)


async def _delete(work: _Work) -> Outcome:
    fault: LockageError | None = None
    checked, broken = 0, tuple[Broken, ...]()
    if work.actions:
        try:
            await _delete_tags(work)
            await work.survey.read(fresh=True)
            await _delete_manifests(work)
            await work.survey.read(fresh=True)
            checked, broken = await broken_tags(work.survey.scope.registry, work.survey.reader)
        except LockageError as error:
            fault = error
    gone, kept = set(work.deleted), {action for action, _ in work.refused}
    saved = tuple(a for a in work.plan.actions if a not in gone and a not in kept) if fault is None else ()
    return Outcome(work.plan, tuple(work.deleted), saved, tuple(work.refused), checked, broken, fault)


async def _delete_tags(work: _Work) -> None:
    going = {action.tag for action in work.actions if action.tag}
    staying: dict[Digest, list[str]] = {}
    for tag, digest in work.survey.reader.tags.items():
        if tag not in going:
            staying.setdefault(digest, []).append(tag)
    for action in work.actions:
        if not action.tag:
            continue
        others = None if action.digest in work.manifests else staying.get(action.digest, [])
        if await work.survey.deletion.tag(action.tag, action.digest, others):
            work.deleted.append(action)
        elif others is not None:
            work.refused.append((action, "the registry deletes no single tags, and others need its manifest"))


async def _delete_manifests(work: _Work) -> None:
    """Those that still nothing needs; where single tags cannot be deleted, theirs go with them. What the registry keeps
    goes on needing its children."""
    left = [action for action in work.actions if action not in work.deleted]
    facts = work.survey.facts()
    todo = _manifests(facts, left)
    while todo:
        action = todo.pop(0)
        tags = [one for one in left if one.tag and one.digest == action.digest]
        try:
            await work.survey.deletion.manifest(action.digest)
        except VersionRefused as fault:
            work.refused += [(one, fault.message) for one in (*tags, action)]
            facts = replace(facts, needed={**facts.needed, action.digest: fault.message})
            done = {*work.deleted, *(one for one, _ in work.refused)}
            todo = _manifests(facts, [one for one in left if one not in done])
            continue
        work.deleted += [action, *tags]
        work.survey.reader.forget(action.digest)


def _manifests(facts: RepositoryFacts, actions: Sequence[Action]) -> list[Action]:
    return [action for action in still_unneeded(facts, actions) if not action.tag]
