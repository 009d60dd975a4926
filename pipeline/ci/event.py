"""What started a run: one type for every provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from types import MappingProxyType

from pipeline.errors import UsageError
from pipeline.util.dataclass import dataclass

_DIGITS = 18


class EventKind(StrEnum):
    """The kinds of events. What no provider names is a push of what is checked out."""

    PUSH = "push"
    TAG = "tag"
    PULL_REQUEST = "pull-request"
    MERGE_QUEUE = "merge-queue"
    SCHEDULE = "schedule"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class JobEvent:
    """The event of a job.

    `branch` or `tag` is what was pushed, or what a schedule or a person started the job for; neither is set for a
    pull request or a merge queue, whose code is not on a branch of the project yet. `number` is that of a pull or
    merge request, empty where the provider does not report it; `target` is the branch that it is to change. `fork`
    is set where whoever proposed the change may not write to the project, and where that is unknown. `inputs` are
    those of a manual run.
    """

    kind: EventKind
    branch: str = ""
    tag: str = ""
    number: str = ""
    target: str = ""
    fork: bool = False
    inputs: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def proposed(self) -> bool:
        """Whether the code is a pull request's, reviewed by nobody."""
        return self.kind is EventKind.PULL_REQUEST


def of_ref(kind: EventKind, name: str, *, tag: bool) -> JobEvent | None:
    """An event of a branch or tag; None without a name. A push of a tag is a TAG."""
    if not name:
        return None
    if not tag:
        return JobEvent(kind, branch=name)
    return JobEvent(EventKind.TAG if kind is EventKind.PUSH else kind, tag=name)


def request_number(text: str, variable: str) -> str:
    """The number of a pull or merge request as a variable has it; raises UsageError for anything else."""
    if text and not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS):
        raise UsageError(
            f"{variable}: {text[:80]!r} is not the number of a pull request",
            hint="the CI sets this variable; do not overwrite it",
        )
    return text
