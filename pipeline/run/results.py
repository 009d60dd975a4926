"""What became of each target and image: values with a status; what could not run is there too."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pipeline.errors import Exit, LockageError
from pipeline.model import Digest, Reference
from pipeline.model.build_warning import BuildWarning
from pipeline.policy import Evidence, Verdict, severity_counts

from .publish.refs import PlatformRef


class Stage(StrEnum):
    """The chambers of the lock, in order."""

    BUILD = "build"
    SCAN = "scan"
    SBOM = "sbom"
    TEST = "test"
    PUSH = "push"
    SIGN = "sign"
    PROMOTE = "promote"

    @property
    def number(self) -> int:
        """The place in the order, from 0."""
        return list(Stage).index(self)


class Status(StrEnum):
    """How a target ended."""

    BUILT = "built"  # by this run
    REUSED = "reused"  # known under its key: nothing was built
    CLOSED = "closed"  # built, but a gate said no
    FAILED = "failed"  # could not be built or examined
    ABORTED = "aborted"  # something it stands on failed, or the run was stopped

    @property
    def good(self) -> bool:
        """Whether the next stage may have it."""
        return self in (Status.BUILT, Status.REUSED)


@dataclass(frozen=True, slots=True)
class TargetResult:
    """One target (image, tag, platform): what it is, what is known of it, and why."""

    id: str
    image: str
    tag: str
    platform: str
    status: Status
    reason: str
    digest: Digest | None = None
    evidence: Evidence | None = None
    verdicts: tuple[Verdict, ...] = ()
    fault: LockageError | None = None
    warnings: tuple[BuildWarning, ...] = ()  # of BuildKit's build checks
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """As plain data for `--json`."""
        evidence = self.evidence
        out: dict[str, Any] = {
            "id": self.id,
            "image": self.image,
            "tag": self.tag,
            "platform": self.platform,
            "status": str(self.status),
            "reason": self.reason,
            "digest": str(self.digest) if self.digest else None,
            "seconds": round(self.seconds, 3),
            "verdicts": [v.to_json() for v in self.verdicts],
        }
        if evidence:
            out["size"] = evidence.size
            out["packages"] = evidence.inventory.packages if evidence.inventory else None
            out["findings"] = severity_counts(evidence.scan) if evidence.scan else None
            out["tests"] = _tests(evidence)
        if self.warnings:
            out["warnings"] = [warning.to_json() for warning in self.warnings]
        if self.fault:
            out["error"] = self.fault.to_json()
        return out


def _tests(evidence: Evidence) -> dict[str, int] | None:
    if not evidence.tests:
        return None
    cases = evidence.tests.cases
    return {"passed": sum(c.passed for c in cases), "total": len(cases)}


@dataclass(frozen=True, slots=True)
class ImageResult:
    """One tag of an image over all its platforms: the index, and where it may be found."""

    image: str
    tag: str
    status: Status
    reason: str
    index: Digest | None = None
    pushed: Reference | None = None
    signed: bool = False
    written: tuple[Reference, ...] = ()
    promoted: tuple[Reference, ...] = ()
    refs: tuple[PlatformRef, ...] = ()  # its platforms, as they were pushed
    fault: LockageError | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain data for `--json`."""
        out: dict[str, Any] = {
            "image": self.image,
            "tag": self.tag,
            "status": str(self.status),
            "reason": self.reason,
            "index": str(self.index) if self.index else None,
            "reference": str(self.pushed) if self.pushed else None,
            "signed": self.signed,
            "written": [str(r) for r in self.written],
            "promoted": [str(r) for r in self.promoted],
            "refs": [ref.to_json() for ref in self.refs],
        }
        if self.fault:
            out["error"] = self.fault.to_json()
        return out


@dataclass(frozen=True, slots=True)
class RunResult:
    """A whole run, in plan order. `requests` counts what was asked of registries."""

    targets: tuple[TargetResult, ...]
    images: tuple[ImageResult, ...] = ()
    engine_used: bool = False
    requests: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = field(default=())

    @property
    def exit_code(self) -> Exit:
        """The gravest of what happened: a fault of the environment, a registry, a build, then a closed gate."""
        faults = [r.fault.exit_code for r in (*self.targets, *self.images) if r.fault]
        if faults:
            return min(faults)
        return Exit.GATE if any(t.status is Status.CLOSED for t in self.targets) else Exit.OK

    @property
    def changed(self) -> bool:
        """Whether this run built or wrote anything."""
        return any(t.status is not Status.REUSED for t in self.targets) or any(i.written for i in self.images)

    def to_json(self) -> dict[str, Any]:
        """As plain data for `--json`."""
        return {
            "targets": [t.to_json() for t in self.targets],
            "images": [i.to_json() for i in self.images],
            "engine_used": self.engine_used,
            "registry_requests": self.requests,
            "seconds": round(self.seconds, 3),
            "exit_code": int(self.exit_code),
            "notes": list(self.notes),
        }
