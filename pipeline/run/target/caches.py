"""The build caches of lockage.yml in a run: which of them it can use, and what each build reads and writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.config import CacheEntry
from pipeline.engine.buildkit import CacheEvent, Caches, caches
from pipeline.engine.buildkit.cache import CLIENT_VARIABLES, DAEMON_VARIABLES, usable
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from pipeline.plan import Target
    from pipeline.policy import Revision

    from ..context import CacheSite


@dataclass(frozen=True, slots=True)
class UsableCaches:
    """The caches that a run can use, and why it cannot use the others, by type."""

    entries: tuple[CacheEntry, ...]
    unusable: Mapping[str, str]
    site: CacheSite

    @classmethod
    def of(cls, entries: Sequence[CacheEntry], site: CacheSite) -> UsableCaches:
        """The caches of lockage.yml, sorted by whether this site can use them."""
        chosen, unusable = list[CacheEntry](), dict[str, str]()
        for entry, reason in usable(entries, site.variables):
            if entry.type == "local" and site.root is None:
                reason = "a Dagger function does not see the folders of its caller's machine"
            if reason:
                unusable.setdefault(entry.type, reason)
            else:
                chosen.append(entry)
        return cls(tuple(chosen), unusable, site)

    @property
    def daemon_variables(self) -> dict[str, str]:
        """Variables that BuildKit's daemon needs."""
        return self._variables(DAEMON_VARIABLES)

    @property
    def client_variables(self) -> dict[str, str]:
        """Variables that BuildKit's client needs."""
        return self._variables(CLIENT_VARIABLES)

    def of_target(self, target: Target, revision: Revision) -> Caches:
        """What a target's build reads and writes at a revision."""
        event = CacheEvent(
            branch=revision.branch,
            pull_request=bool(revision.pull_request) or self.site.reads,
            main=self.site.main,
            exact=bool(revision.sha) and not revision.dirty,
        )
        return caches(self.entries, event, target.image, target.tag, target.platform)

    def local_folder(self, source: str) -> Path:
        """The folder of a local cache on this machine."""
        assert self.site.root is not None  # `of` leaves out local caches otherwise
        return self.site.root / source

    def _variables(self, by_type: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
        names = [name for entry in self.entries for name in by_type.get(entry.type, ())]
        return {name: self.site.variables[name] for name in names if name in self.site.variables}
