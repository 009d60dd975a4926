"""Progress as events: who shows them decides how."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from pipeline.util.dataclass import dataclass


class ProgressState(StrEnum):
    """What is being done with a subject, what is worth knowing of it, or how it ended."""

    BUILD = "build"
    LINT = "lint"
    SCAN = "scan"
    SBOM = "sbom"
    TEST = "test"
    PUSH = "push"
    SIGN = "sign"
    PROMOTE = "promote"
    EXPORT = "export"
    LOCK = "lock"
    EMULATE = "emulate"

    WARNING = "warning"
    MISSING = "missing"

    BUILT = "built"
    REUSED = "reused"
    UP_TO_DATE = "up to date"
    EQUAL = "equal"
    DIFFERENT = "different"
    CLOSED = "closed"
    FAILED = "failed"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class ProgressEvent:
    """One event: `subject` is a target's id, an `image:tag` or empty, `detail` free text."""

    subject: str
    state: ProgressState
    detail: str = ""


ProgressCallback = Callable[[ProgressEvent], None]
"""Receives each event once, in the order in which they happen."""
