"""Where a run builds, and where the commit that it builds comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from pipeline.policy import Revision

LOCAL = "https://lockage.org/builder/local/v1"
"""The builder of a run outside a known CI: somebody's machine, of which nothing is claimed."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The builder's id and the link to the run, as the CI has them; the repository of the catalogue.

    `repository` is an address without credentials, `ref` a full git ref, `path` the catalogue's folder in the
    repository; each is empty where it is not known. `runner` says which machine of the CI's it was.
    """

    builder: str = LOCAL
    invocation: str = ""
    runner: str = ""
    repository: str = ""
    ref: str = ""
    path: str = ""

    @property
    def uri(self) -> str:
        """The repository as a URI of SPDX's download locations (`git+https://…`), empty where it is not known."""
        return f"git+{self.repository}" if self.repository else ""

    def ref_of(self, revision: Revision) -> str:
        """The git ref of a run: the CI's, else that of the branch or git tag; empty for a detached commit."""
        if self.ref:
            return self.ref
        if revision.branch:
            return f"refs/heads/{revision.branch}"
        return f"refs/tags/{revision.release}" if revision.release else ""
