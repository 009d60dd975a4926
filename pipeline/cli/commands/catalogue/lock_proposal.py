"""lock --propose: the lock as a pull or merge request for the branch that is checked out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import UsageError
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from pipeline.config import Lock
    from pipeline.forge.address import ForgeAddress
    from pipeline.forge.pull_requests.values import Proposal

BRANCH = "lockage/lock"
"""Where it is pushed."""


@dataclass(frozen=True, slots=True)
class LockProposal:
    """The forge, the branch and its commit, and the lock of that commit at `path` of the repository."""

    address: ForgeAddress
    base: str
    commit: str
    path: str
    before: bytes | None

    @classmethod
    def of(cls, root: Path) -> LockProposal:
        """For a checkout; before anything is written or started. Raises UsageError."""
        from pipeline.forge.address import forge_address

        from ...git.command import GitRepository
        from ...git.origin import read_origin
        from ...git.revision import read_revision
        from ...instance.lock_file import known_lock

        lock = known_lock(root).path
        if lock.resolve().parent != root.resolve():
            raise UsageError(
                f"{lock} is the lock of this machine's own images, which nobody else has",
                hint="LOCKAGE_IMAGES=upstream lockage lock --propose, where the publishers' registries answer",
            )
        revision, origin = read_revision(root, os.environ), read_origin(root, os.environ)
        if not (revision.sha and revision.branch):
            raise UsageError(
                "there is no commit of a branch to propose the lock for",
                hint="check out the branch that the lock is for",
            )
        address = forge_address(os.environ, origin.repository)
        address.require_writes()
        path = f"{origin.path}/{lock.name}".lstrip("/")
        shown = GitRepository.of(root, os.environ).run("show", "--no-textconv", f"{revision.sha}:{path}")
        before = shown.stdout if shown.code == 0 else None
        return cls(address, revision.branch, revision.sha, path, before)

    async def propose(self, lock: Path) -> Proposal | None:
        """Push the lock as it is now. Where the commit has just this one, withdraw an older proposal; None if there is
        none. Raises UsageError, RegistryError."""
        from pipeline.config import read_lock
        from pipeline.forge.pull_requests.values import WantedChange
        from pipeline.report.lock_changes import change_text
        from pipeline.util.files import read_file

        from ...registry_access import registry_access

        content = read_file(lock)
        if content == self.before:
            async with self.address.api(registry_access()) as api:
                return await self.address.pull_requests(api).withdraw(BRANCH, self.base)
        before = read_lock(self.before, self.path) if self.before else None
        changes = _changes(before, read_lock(content, str(lock)))
        title, text = f"Update {lock.name}", change_text(changes)
        wanted = WantedChange(BRANCH, self.base, self.commit, self.path, content, title, text)
        async with self.address.api(registry_access()) as api:
            return await self.address.pull_requests(api).propose(wanted)


def _changes(before: Lock | None, now: Lock) -> list[tuple[str, str, str]]:
    """References with the digest before, empty for a new one, and now."""
    pairs = [
        (reference, before and before.digest(reference), digest) for reference, digest in now.images.items()
    ]
    return [(str(r), old.short if old else "", new.short) for r, old, new in pairs if old != new]
