"""Where the run of a change that nobody has reviewed keeps what it makes: apart from everything that a release trusts.

It reads what the project's repository of builds knows, and writes to a repository of its own, under a name of its own:
what it signs there is signed for another project, and counts for no release even if somebody copies it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.model import Repository
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from .upstream import Upstream


@dataclass(frozen=True, slots=True)
class ProposalNames:
    """`builds` is the repository that the run writes, `upstream` the project's own, `suffix` the end of its names.

    With `pushes`, images whose gates are open go to repositories of their own; without, the run ends with verdicts.
    """

    builds: Repository
    upstream: Upstream
    pushes: bool
    suffix: str

    def repository(self, repository: Repository) -> Repository:
        """The repository for an image of the proposal that would go to this one."""
        return aside(repository, self.suffix)


def aside(repository: Repository, suffix: str, host: str | None = None) -> Repository:
    """The repository beside another one, by default in the same registry."""
    return Repository(host or repository.host, f"{repository.path}{suffix}")


def project_of(project: str) -> str:
    """The name that records of proposals are signed for."""
    return f"{project} (pull requests)"
