"""The lock in force: beside lockage.yml where images come from their publishers, beside the lab's state where
the lab stands in for them, so that a digest nobody else has seen is never committed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.config import Lock, read_lock
from pipeline.errors import ConfigError, EnvironmentProblem, Problem
from pipeline.lab.seed import Site
from pipeline.lab.settings import LabSettings
from pipeline.model import Digest, Reference
from pipeline.util.dataclass import dataclass
from pipeline.util.files import read_file
from pipeline.util.progress import ProgressCallback, ProgressEvent, ProgressState

from ..files.replace import replace_file

if TYPE_CHECKING:
    from pipeline.model import Mirrors
    from pipeline.plan import Plan
    from pipeline.registry import Registry


@dataclass(frozen=True, slots=True)
class LockFile:
    """A lock on disk. `stand_ins` are the digests of the lab's images: its lock follows them without a request."""

    path: Path
    stand_ins: Mapping[Reference, Digest] | None = None

    def read(self) -> Lock | None:
        """The lock, None when there is none; raises ConfigError for a link, and when it cannot be read."""
        if self.path.is_symlink():
            raise ConfigError(
                [Problem(str(self.path), 0, 0, "", "is a symbolic link", "a file is expected")],
                hint="`lockage lock` writes a file once it is removed",
            )
        try:
            return read_lock(read_file(self.path), str(self.path)) if self.path.is_file() else None
        except OSError as error:
            raise EnvironmentProblem(f"cannot read {self.path}: {error.strerror}") from None

    def write(self, lock: Lock) -> None:
        """Replace the lock as a whole. Raises EnvironmentProblem."""
        replace_file(self.path, lock.to_bytes(), durable=True)

    async def ensure(
        self,
        plan: Plan,
        registry: Registry,
        mirrors: Mirrors,
        report: ProgressCallback,
        *,
        pull: bool = False,
    ) -> Lock:
        """The lock for a plan, written first where it is missing or incomplete, or a stand-in has changed.

        With `pull` every base of the plan is resolved again: its tag may have moved since it was pinned.
        """
        from pipeline.run.lock import resolve, wanted

        lock, references = self.read(), wanted(plan)
        digests = dict(lock.images) if lock else {}
        digests |= {r: self.stand_ins[r] for r in references if self.stand_ins and r in self.stand_ins}
        bases = {Reference(r.repository, r.tag) for t in plan.targets for r in t.external_bases}
        missing = tuple(r for r in references if r not in digests or (pull and r in bases))
        if missing:
            fallbacks = plan.project.fallbacks(embedded="")
            resolved = (await resolve(registry, mirrors, missing, fallbacks)).images
            for reference in missing:
                if reference in digests and digests[reference] != resolved[reference]:
                    _report(report, f"{reference} moved to {resolved[reference].short}")
            digests |= dict(resolved)
        complete = Lock.of(digests)
        if lock is None or complete != lock:
            self.write(complete)
            _report(report, f"{len(digests)} references pinned in {self.path}")
        return complete


def _report(report: ProgressCallback, detail: str) -> None:
    report(ProgressEvent("", ProgressState.LOCK, detail))


def lock_file(root: Path, settings: LabSettings, site: Site | None) -> LockFile:
    """The lock in force: lockage.lock in the project, or one of this site's own where it has stand-ins."""
    if site is None:
        return LockFile(root / "lockage.lock")
    stand_ins = {Reference.parse(name): seeded.digest for name, seeded in site.seeded.items()}
    return LockFile(settings.data / "locks" / _site_lock_name(root), stand_ins)


def known_lock(root: Path) -> LockFile:
    """The lock in force as far as the disk knows: for commands that need no registry."""
    settings = LabSettings.from_env(os.environ)
    upstream = os.environ.get("LOCKAGE_IMAGES") == "upstream"
    return lock_file(root, settings, None if upstream else Site.read(settings.data))


def _site_lock_name(root: Path) -> str:
    """One lock per checkout: two checkouts of one project may be at different commits."""
    import hashlib

    path = str(root.resolve())
    return f"{Path(path).name or 'root'}-{hashlib.sha256(path.encode()).hexdigest()[:12]}.lock"
