"""What a run of retention is about: repositories, rules, and what of them rollbacks, plans and people need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from types import MappingProxyType

from pipeline.errors import UsageError
from pipeline.model import Digest, Repository
from pipeline.model.retention import Retention
from pipeline.policy.retention import BuildsFacts, RepositoryPlan
from pipeline.registry import Registry
from pipeline.run.publish.approval import AppliedPlan
from pipeline.state.ledger import Ledger, LedgerEntry
from pipeline.state.store import Store
from pipeline.util.dataclass import dataclass

from ..recorded_state import RETENTION
from .deletion import Deletion

BUILDS = "(builds)"
"""What the ledger of the repository of builds is called; no environment can be."""


@dataclass(frozen=True, slots=True)
class RetainedRepository:
    """One repository: of an image in an environment, or the repository of builds, which has no environment. Those of
    pull requests may lose all of their tags."""

    repository: Repository
    environment: str | None = None
    image: str = ""
    may_be_empty: bool = False


@dataclass(frozen=True, slots=True)
class EnvironmentRecord:
    """The ledger of an environment, and its entries, the newest first."""

    ledger: Ledger
    entries: Sequence[LedgerEntry] = ()

    def needed(self, image: str, entries: int) -> dict[Digest, str]:
        """The digests that a rollback by the last so many entries may go back to."""
        promotions = [entry for entry in self.entries if entry.act.command != RETENTION][:entries]
        return {
            digest: f"entry {entry.sequence} of the ledger names it"
            for entry in promotions
            for change in entry.changes
            if change.image == image
            for digest in (change.before, change.after)
            if digest is not None
        }

    def dates(self, image: str, times: Mapping[int, int]) -> dict[tuple[str, Digest], int]:
        """When tags of an image were moved to where they are; `times` are those of the entries by number."""
        out: dict[tuple[str, Digest], int] = {}
        for entry in reversed(self.entries):
            for change in entry.changes:
                if change.image == image and change.after is not None and entry.sequence in times:
                    out[change.tag, change.after] = times[entry.sequence]
        return out


@dataclass(frozen=True, slots=True)
class PlannedKeys:
    """What the plan at hand needs of the repository of builds: keys, tags with last inputs, tags of run states."""

    keys: frozenset[str]
    last: frozenset[str] = frozenset()
    states: frozenset[str] = frozenset()

    def facts(
        self, tags: Mapping[str, Digest], now: int, unplanned: int, dates: Mapping[str, int]
    ) -> BuildsFacts:
        """With the tags that there are."""
        return BuildsFacts(tags, now, unplanned, self.keys, self.last, self.states, dates=dates)


@dataclass(frozen=True, slots=True)
class RetentionRequest:
    """What a caller wants: `closed` are the numbers of closed pull requests, None where nobody listed them; `limit`
    replaces that of lockage.yml. With `allow_empty`, a repository may lose all of its tags. `as_of` (seconds since
    1970) is the time that ages are counted to, None for now; `plan` the saved plan that is applied."""

    closed: frozenset[int] | None = None
    limit: int | None = None
    allow_empty: bool = False
    author: str = ""
    commit: str = ""
    as_of: int | None = None
    plan: AppliedPlan | None = None


@dataclass(frozen=True, slots=True)
class RetentionScope:
    """Everything that planning and performing need. `now` is in seconds since 1970."""

    registry: Registry
    store: Store
    retention: Retention
    places: tuple[RetainedRepository, ...]
    now: int
    request: RetentionRequest = field(default_factory=RetentionRequest)
    records: Mapping[str, EnvironmentRecord] = field(default_factory=lambda: MappingProxyType({}))
    planned: PlannedKeys = field(default_factory=lambda: PlannedKeys(frozenset()))
    deletions: Mapping[Repository, Deletion] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def limit(self) -> int:
        """How much one run may delete."""
        return self.retention.limit if self.request.limit is None else self.request.limit

    @property
    def ledgers(self) -> tuple[str, ...]:
        """The ledgers that deletions are written to."""
        return tuple(dict.fromkeys(place.environment or BUILDS for place in self.places))

    @property
    def as_of(self) -> int:
        """The time that ages are counted to."""
        return self.now if self.request.as_of is None else self.request.as_of


def refuse_empty(scope: RetentionScope, plans: Sequence[RepositoryPlan]) -> None:
    """Raises UsageError for rules that keep no tag of a repository."""
    emptied = [
        plan
        for place, plan in zip(scope.places, plans, strict=True)
        if not place.may_be_empty and not plan.kept and any(action.tag for action in plan.actions)
    ]
    if emptied and not scope.request.allow_empty:
        names = "\n".join(str(plan.repository) for plan in emptied)
        raise UsageError(
            f"the rules keep no tag of {emptied[0].repository}"
            if len(emptied) == 1
            else f"the rules keep no tag of {len(emptied)} repositories",
            hint='add a rule such as {tags: ["*"], last: 1}; --allow-empty deletes all of them',
            detail=names if len(emptied) > 1 else None,
        )
