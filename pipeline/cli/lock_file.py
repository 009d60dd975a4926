"""The lock in force: beside lockage.yml where images come from their publishers, beside the lab's state where
the lab stands in for them, so that a digest nobody else has seen is never committed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.config import Lock, read_lock
from pipeline.model import Digest, Reference
from pipeline.util.files import replace_file
from pipeline.util.progress import ProgressEvent, ProgressState, Report

if TYPE_CHECKING:
    from pipeline.model import Mirrors
    from pipeline.plan import Plan
    from pipeline.registry import Registry


@dataclass(frozen=True, slots=True)
class LockFile:
    """A lock on disk. `own` are the digests of a site's stand-ins: its lock follows them without being asked."""

    path: Path
    own: Mapping[Reference, Digest] | None = None

    def read(self) -> Lock | None:
        """The lock, None when there is none; raises ConfigError when it cannot be read."""
        return read_lock(self.path.read_bytes(), str(self.path)) if self.path.is_file() else None

    def write(self, lock: Lock) -> None:
        """Put the lock in place at once or not at all."""
        replace_file(self.path, lock.to_bytes())

    async def ensure(
        self,
        plan: Plan,
        registry: Registry,
        mirrors: Mirrors,
        report: Report,
        *,
        pull: bool = False,
    ) -> Lock:
        """The lock, written first where it is missing or incomplete; a site's own also where that has moved.

        With `pull` every base of the plan is looked up anew: its tag may have moved since it was pinned.
        """
        from pipeline.run.lock import resolve, wanted

        lock, references = self.read(), wanted(plan)
        digests = dict(lock.images) if lock else {}
        digests |= {r: self.own[r] for r in references if self.own and r in self.own}
        bases = {Reference(r.repository, r.tag) for t in plan.targets for r in t.external_bases}
        missing = tuple(r for r in references if r not in digests or (pull and r in bases))
        if missing:
            found = (await resolve(registry, mirrors, missing)).images
            for reference in missing:
                if reference in digests and digests[reference] != found[reference]:
                    report(
                        ProgressEvent(
                            "", ProgressState.LOCK, f"{reference} moved to {found[reference].short}"
                        )
                    )
            digests |= dict(found)
        fresh = Lock.of(digests)
        if lock is None or fresh != lock:
            self.write(fresh)
            report(ProgressEvent("", ProgressState.LOCK, f"{len(digests)} references pinned in {self.path}"))
        return fresh
