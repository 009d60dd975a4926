"""The results of a run: one for each target and image tag, whatever became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pipeline.errors import Exit, LockageError
from pipeline.model import Digest, Platform, Reference, Severity
from pipeline.model.build_warning import BuildWarning
from pipeline.policy import Evidence, Verdict, VexEvidence, severity_counts
from pipeline.state.record import Record
from pipeline.util.dataclass import dataclass

from .platform_refs import PlatformRef
from .publish.promotion import KeptTag, TagMove

if TYPE_CHECKING:
    from pipeline.plan import Target

    from .secondary.follow import SecondaryResult


class Stage(StrEnum):
    """The stages of a run, in order."""

    BUILD = "build"
    LINT = "lint"
    SCAN = "scan"
    SBOM = "sbom"
    TEST = "test"
    PUSH = "push"
    SIGN = "sign"
    PROMOTE = "promote"

    @property
    def number(self) -> int:
        """The position in the order, from 0."""
        return list(Stage).index(self)

    @property
    def publishes(self) -> bool:
        """Whether a run up to this stage writes to the first environment."""
        return self.number >= Stage.PUSH.number

    @property
    def signs(self) -> bool:
        """Whether a run up to this stage signs."""
        return self.number >= Stage.SIGN.number


EXAMINATIONS = frozenset({Stage.LINT, Stage.SCAN, Stage.SBOM, Stage.TEST})


class Status(StrEnum):
    """How a target or an image tag ended."""

    BUILT = "built"  # by this run
    REUSED = "reused"  # known under its key
    CLOSED = "closed"  # by a gate
    FAILED = "failed"  # could not be built, examined or published
    ABORTED = "aborted"  # a base failed, or the run was stopped

    @property
    def good(self) -> bool:
        """Whether the next stage may use it."""
        return self in (Status.BUILT, Status.REUSED)


@dataclass(frozen=True, slots=True)
class TargetResult:
    """The result of one target. `evidence` is what its gates judged, `vex` what they matched VEX with, `unnoticed` how
    many findings of each severity they passed without a word; `seconds` is how long it took."""

    id: str
    image: str
    tag: str
    platform: Platform
    status: Status
    reason: str
    record: Record | None = field(default=None, repr=False)
    evidence: Evidence | None = None
    verdicts: tuple[Verdict, ...] = ()
    vex: VexEvidence | None = field(default=None, repr=False)
    fault: LockageError | None = None
    seconds: float = 0.0
    unnoticed: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(
        cls, target: Target, status: Status, reason: str, *, fault: LockageError | None = None
    ) -> TargetResult:
        """The result of a target without a verdict."""
        return cls(target.id, target.image, target.tag, target.platform, status, reason, fault=fault)

    @property
    def digest(self) -> Digest | None:
        """The digest of its image in the repository of builds."""
        return self.record.digest if self.record else None

    @property
    def warnings(self) -> tuple[BuildWarning, ...]:
        """The warnings of BuildKit's build checks."""
        return self.record.warnings if self.record else ()

    def to_json(self) -> dict[str, Any]:
        """The result as data for `--json`."""
        evidence = self.evidence
        data: dict[str, Any] = {
            "id": self.id,
            "image": self.image,
            "tag": self.tag,
            "platform": str(self.platform),
            "status": str(self.status),
            "reason": self.reason,
            "digest": str(self.digest) if self.digest else None,
            "seconds": round(self.seconds, 3),
            "verdicts": [v.to_json() for v in self.verdicts],
        }
        if evidence:
            data["size"] = evidence.size
            data["packages"] = evidence.inventory.packages if evidence.inventory else None
            data["findings"] = severity_counts(evidence.scan) if evidence.scan else None
            data["unnoticed"] = dict(self.unnoticed) if evidence.scan else None
            data["tests"] = _tests(evidence)
        if self.warnings:
            data["warnings"] = [warning.to_json() for warning in self.warnings]
        if self.fault:
            data["error"] = self.fault.to_json()
        return data


def _tests(evidence: Evidence) -> dict[str, int] | None:
    if not evidence.tests:
        return None
    cases = evidence.tests.cases
    return {"passed": sum(c.passed for c in cases), "total": len(cases)}


@dataclass(frozen=True, slots=True)
class ImageResult:
    """The result of one image tag over all its platforms.

    `pushed` is its reference in the first environment, by digest. `moves` are those of tags by this run, `promoted` all
    its tags in the environments it was promoted to, `kept` those that stay elsewhere, `refs` its platforms as they were
    pushed, `added` how many statements this run attached to it.
    """

    image: str
    tag: str
    status: Status
    reason: str
    index: Digest | None = None
    pushed: Reference | None = None
    signed: bool = False
    moves: tuple[TagMove, ...] = ()
    promoted: tuple[Reference, ...] = ()
    kept: tuple[KeptTag, ...] = ()
    refs: tuple[PlatformRef, ...] = ()
    added: int = 0
    fault: LockageError | None = None

    @property
    def written(self) -> tuple[Reference, ...]:
        """The tags that this run moved."""
        return tuple(move.reference for move in self.moves)

    def to_json(self) -> dict[str, Any]:
        """The result as data for `--json`."""
        data: dict[str, Any] = {
            "image": self.image,
            "tag": self.tag,
            "status": str(self.status),
            "reason": self.reason,
            "index": str(self.index) if self.index else None,
            "reference": str(self.pushed) if self.pushed else None,
            "signed": self.signed,
            "written": [str(r) for r in self.written],
            "moves": [move.to_json() for move in self.moves],
            "promoted": [str(r) for r in self.promoted],
            "refs": [ref.to_json() for ref in self.refs],
        }
        if self.kept:
            data["kept"] = [tag.to_json() for tag in self.kept]
        if self.fault:
            data["error"] = self.fault.to_json()
        return data


@dataclass(frozen=True, slots=True)
class RunResult:
    """The results of a run in plan order; `requests` counts those to registries. `secondaries` is what became of the
    environments at secondary registries, once everything else was done."""

    targets: tuple[TargetResult, ...]
    images: tuple[ImageResult, ...] = ()
    secondaries: tuple[SecondaryResult, ...] = ()
    engine_used: bool = False
    requests: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def faults(self) -> tuple[LockageError, ...]:
        """The faults of targets, then of image tags, then of secondary registries."""
        by_result = [target.fault for target in self.targets]
        by_result += [image.fault for image in self.images]
        by_result += [secondary.fault for secondary in self.secondaries]
        return tuple(fault for fault in by_result if fault)

    @property
    def exit_code(self) -> Exit:
        """The gravest code of a fault; without one, GATE when a gate closed."""
        codes = [fault.exit_code for fault in self.faults]
        if codes:
            return min(codes)
        return Exit.GATE if any(t.status is Status.CLOSED for t in self.targets) else Exit.OK

    @property
    def unnoticed(self) -> Mapping[str, int]:
        """How many findings of each severity all gates passed without a word, highest first."""
        counts = Counter[str]()
        for target in self.targets:
            counts.update(target.unnoticed)
        return {s: counts[s] for s in sorted(counts, key=lambda s: Severity.parse(s).rank, reverse=True)}

    @property
    def changed(self) -> bool:
        """Whether this run built or wrote anything."""
        written = any(i.written or i.added for i in self.images) or any(one.moves for one in self.secondaries)
        return written or any(t.status is not Status.REUSED for t in self.targets)

    def to_json(self) -> dict[str, Any]:
        """The results as data for `--json`."""
        return {
            "targets": [t.to_json() for t in self.targets],
            "images": [i.to_json() for i in self.images],
            **({"secondaries": [one.to_json() for one in self.secondaries]} if self.secondaries else {}),
            "engine_used": self.engine_used,
            "registry_requests": self.requests,
            "seconds": round(self.seconds, 3),
            "exit_code": int(self.exit_code),
            "notes": list(self.notes),
        }
