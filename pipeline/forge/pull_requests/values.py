"""A change of one file as it is to be proposed, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

from pipeline.errors import UsageError
from pipeline.registry.http.rest import Call, RestApi
from pipeline.util.dataclass import dataclass

from ..limits import CLOSED, PAGE_BYTES

MARK = "Proposed-by: lockage"
"""The trailer of our commits: a branch whose last commit has another author is not overwritten."""
_PAGE = 100


@dataclass(frozen=True, slots=True)
class WantedChange:
    """A file with its new content, as a commit on top of `commit` in the branch `branch`, for the branch `base`."""

    branch: str
    base: str
    commit: str
    path: str
    content: bytes
    title: str
    text: str

    @property
    def message(self) -> str:
        """The commit's."""
        return f"{self.title}\n\n{MARK}\n"


@dataclass(frozen=True, slots=True)
class Proposal:
    """The page of a request, and what was done. A `declined` one was closed by somebody with just this content, and is
    left closed; a `withdrawn` one is closed because there is nothing to propose any more."""

    url: str
    state: Literal["opened", "updated", "unchanged", "declined", "withdrawn"]

    def to_json(self) -> dict[str, str]:
        """As data."""
        return {"url": self.url, "state": self.state}


@dataclass(frozen=True, slots=True)
class Tip:
    """The last commit of a branch."""

    sha: str
    message: str


class PullRequests(Protocol):
    """The pull requests of a project. Its methods raise RegistryError."""

    name: str

    async def closed(self) -> frozenset[int]:
        """The numbers of those that are closed, merged ones too: of many, the ones that changed last."""

    async def propose(self, wanted: WantedChange) -> Proposal:
        """Push the change, and open a request for it unless there is one. What is so already stays as it is.

        Raises UsageError for a branch that has commits of somebody else.
        """

    async def withdraw(self, branch: str, base: str) -> Proposal | None:
        """Close the open request of a branch of ours and delete the branch; None where there is none to close, or where
        the branch's last commit is somebody else's."""


def is_ours(message: object) -> bool:
    """Whether a commit with this message was made here."""
    return MARK in str(message).splitlines()


def require_ours(message: object, branch: str, forge: str) -> None:
    """Raise UsageError for the last commit of a branch that somebody else made."""
    if not is_ours(message):
        raise UsageError(
            f"the branch {branch} at {forge} has a commit of somebody else, and is not overwritten",
            hint=f"merge it, or delete the branch {branch}",
        )


async def last_changed(api: RestApi, call: Call) -> list[Any]:
    """Entries of a list that is sorted by when they changed, up to a limit; a request for each hundred."""
    requests: list[Any] = []
    for page in range(1, CLOSED // _PAGE + 1):
        path = f"{call.path}&per_page={_PAGE}&page={page}"
        one = Call(call.method, path, call.operation, call.subject, headers=call.headers, limit=PAGE_BYTES)
        entries = await api.json(one)
        requests += entries
        if len(entries) < _PAGE:
            break
    return requests


def numbers(entries: list[Any], key: str) -> frozenset[int]:
    """The numbers of requests."""
    return frozenset(int(entry[key]) for entry in entries)


def newest(entries: object, key: str) -> Mapping[str, Any] | None:
    """The request with the highest number; None where there is none."""
    candidates = entries if isinstance(entries, list) else []
    return max(candidates, key=lambda entry: int(entry[key]), default=None)
