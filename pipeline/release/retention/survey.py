"""One repository under the rules: read, judged, and looked into as far as something may go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from pipeline.config.environments.values import base_of
from pipeline.errors import UsageError
from pipeline.model import Digest
from pipeline.model.retention import EnvironmentRetention
from pipeline.policy.retention import (
    DAY,
    Decision,
    RepositoryFacts,
    RepositoryPlan,
    TagFacts,
    TagVerdict,
    dated,
    decide,
    digest_of_tags,
    judge_builds,
    judge_tags,
    untagged_roots,
)
from pipeline.state.ledger import LedgerEntry
from pipeline.state.retention import RetentionMemory, SeenTag, load_memory
from pipeline.util.dataclass import dataclass
from pipeline.util.timestamps import format_timestamp, parse_timestamp

from .created import read_created
from .deletion import Deletion, OciDeletion
from .reader import RepositoryReader
from .scope import RetainedRepository, RetentionScope

_CLOCK_MARGIN = DAY


@dataclass(slots=True)
class Survey:
    """A repository under survey; what is read of it stays in `reader`."""

    scope: RetentionScope
    place: RetainedRepository
    memory: RetentionMemory
    reader: RepositoryReader
    deletion: Deletion
    pushed: Mapping[Digest, int]
    fresh: bool = False  # whether every tag was requested

    @classmethod
    async def of(cls, scope: RetentionScope, fresh: bool, place: RetainedRepository) -> Survey:
        """Read a repository; unless `fresh`, what an earlier run knows is not requested again.

        Raises UsageError for a clock that is behind, RegistryError.
        """
        memory = await load_memory(scope.store, place.repository)
        if memory.time > scope.now + _CLOCK_MARGIN:
            raise UsageError(
                f"the clock is behind: an earlier run was at {format_timestamp(memory.time)}, it is "
                f"{format_timestamp(scope.now)}",
                hint="set the clock; ages are counted by it",
            )
        deletion = scope.deletions.get(place.repository) or OciDeletion(scope.registry, place.repository)
        reader = RepositoryReader(scope.registry, place.repository, memory)
        survey = cls(scope, place, memory, reader, deletion, {})
        await survey.read(fresh=fresh)
        return survey

    async def read(self, *, fresh: bool) -> None:
        """Read all tags: by the list that has everything, where there is one. Raises RegistryError."""
        listing = await self.deletion.listed()
        self.fresh = fresh or listing is not None
        if listing is None:
            await self.reader.read(fresh=fresh)
        else:
            self.pushed = listing.pushed
            await self.reader.take(listing.tags, listing.pushed)

    async def plan(self, limit: int) -> RepositoryPlan:
        """What goes, at most `limit` tags and manifests. Raises RegistryError."""
        looked_at: set[str] = set()
        if self.scope.retention.dates == "created":
            await self._read_created()
        while True:
            verdicts = self._verdicts()
            decision = decide(self.facts(), verdicts, limit)
            tags = {action.tag for action in decision.actions if action.tag} - looked_at
            looked_at |= tags
            if await self.reader.refresh(sorted(tags)):
                continue
            doomed = [action.digest for action in decision.actions if not action.tag]
            if not await self.reader.expand([*doomed, *self.reader.gone]):
                return self._plan(decision)

    def facts(self) -> RepositoryFacts:
        """What is known of the repository now."""
        retention, place = self.scope.retention, self.place
        needed = {Digest(name): "keep: of retention lists it" for name in retention.keep if ":" in name}
        if record := self.scope.records.get(place.environment or ""):
            needed |= record.needed(place.image, retention.rollback)
        facts = self.reader.facts(needed, self.memory.condemned)
        days = self._rules.untagged
        since = self.memory.untagged if days is None else self.untagged(facts)
        expired = {d: time for d, time in since.items() if days and self.scope.as_of - time >= days * DAY}
        return replace(facts, untagged=expired)

    def untagged(self, facts: RepositoryFacts) -> dict[Digest, int]:
        """Since when no tag needs a manifest: when it was pushed, where that is known."""
        now = self.scope.now
        return {
            digest: self.memory.untagged.get(digest, self.pushed.get(digest, now))
            for digest in untagged_roots(facts)
        }

    def remembered(self, condemned: frozenset[Digest] = frozenset()) -> RetentionMemory:
        """What the next run should know."""
        now, reader = self.scope.now, self.reader
        known = self.memory.tags
        tags = {
            name: known[name] if name in known and known[name].digest == digest else SeenTag(digest, now)
            for name, digest in reader.tags.items()
        }
        planned = dict.fromkeys(self.scope.planned.keys, now) if self.place.environment is None else {}
        planned = {key: time for key, time in {**self.memory.planned, **planned}.items() if key in tags}
        facts = reader.facts()
        return RetentionMemory(
            now,
            tags,
            facts.nodes,
            facts.attached,
            self.untagged(facts),
            {digest: time for digest, time in reader.created.items() if digest in facts.nodes},
            planned,
            condemned,
        )

    @property
    def _rules(self) -> EnvironmentRetention:
        environments, builds = self.scope.retention.environments, self.scope.retention.builds
        if self.place.environment is None and builds:
            return EnvironmentRetention(untagged=builds.unplanned)
        return environments.get(base_of(self.place.environment or ""), EnvironmentRetention())

    def _tags(self) -> dict[str, Digest]:
        """The tags that rules decide about."""
        attached = self.reader.attached()
        return {name: digest for name, digest in self.reader.tags.items() if name not in attached}

    def _verdicts(self) -> tuple[TagVerdict, ...]:
        scope, tags = self.scope, self._tags()
        dates = self._dates(tags)
        if self.place.environment is None:
            assert scope.retention.builds
            facts = scope.planned.facts(tags, scope.as_of, scope.retention.builds.unplanned, dates)
            return judge_builds(
                replace(facts, seen=self.memory.planned, kept=frozenset(scope.retention.keep))
            )
        record = scope.records.get(self.place.environment)
        pinned = record.ledger.pins.get(self.place.image, "") if record else ""
        tag_facts = TagFacts(tags, scope.as_of, dates, scope.request.closed, scope.retention.keep, pinned)
        return judge_tags(tag_facts, self._rules.rules)

    def _dates(self, tags: Mapping[str, Digest]) -> dict[str, int]:
        """When tags came to be where they are: by the ledger, the registry, the image if it is asked, or since when an
        earlier run knows them there; else now."""
        record = self.scope.records.get(self.place.environment or "")
        moved = record.dates(self.place.image, _times(record.entries)) if record else {}
        created = self.reader.created if self.scope.retention.dates == "created" else {}
        dates: dict[str, int] = {}
        for tag, digest in tags.items():
            seen = self.memory.tags.get(tag)
            date = moved.get((tag, digest), self.pushed.get(digest, created.get(digest)))
            if date is None and seen is not None and seen.digest == digest:
                date = seen.since
            dates[tag] = min(self.scope.now, self.scope.as_of) if date is None else date
        return dates

    async def _read_created(self) -> None:
        tags = self._tags()
        undated = {tags[tag] for tag in dated(tags, self._rules.rules)} - self.reader.created.keys()
        times = await read_created(self.scope.registry, self.place.repository, undated - self.pushed.keys())
        self.reader.created.update(times)

    def _plan(self, decision: Decision) -> RepositoryPlan:
        place = self.place
        if not self.deletion.single_tags:
            decision = decision.whole_versions()
        return RepositoryPlan(
            place.repository,
            place.environment,
            place.image,
            digest_of_tags(self.reader.tags),
            decision.actions,
            decision.kept,
            decision.left,
        )


def _times(entries: Iterable[LedgerEntry]) -> dict[int, int]:
    times: dict[int, int] = {}
    for entry in entries:
        try:
            times[entry.sequence] = parse_timestamp(entry.act.time)
        except ValueError:
            continue
    return times
