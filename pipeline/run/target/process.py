"""One target's way: known or built, examined, judged, recorded. Each step takes values and gives values."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from pipeline.errors import LockageError
from pipeline.model import Digest
from pipeline.plan import Target
from pipeline.policy import Verdict, unnoticed
from pipeline.state.record import Record
from pipeline.state.records import Records
from pipeline.util.dataclass import dataclass
from pipeline.util.progress import ProgressState

from ..gates.judge import TargetJudge, known_evidence
from ..results import EXAMINATIONS, Stage, Status, TargetResult
from .examination.outstanding_examinations import find_outstanding, tests_digest
from .examination.scanner_data import ScannerData
from .reuse import Obtained, TargetImages

if TYPE_CHECKING:
    from ..context import RunContext
    from ..image_cache import ImageCache
    from .examination.examine import Examiner


@dataclass(frozen=True, slots=True)
class TargetSteps:
    """What the steps of all targets of a run share."""

    context: RunContext
    records: Records
    source: TargetImages
    data: ScannerData
    examiner: Callable[[], Examiner]
    judge: TargetJudge

    @classmethod
    def of(cls, context: RunContext, images: ImageCache, records: Records) -> TargetSteps:
        """The steps of a run."""
        data = ScannerData.of(context)

        @cache
        def examiner() -> Examiner:
            from .examination.examine import Examiner

            return Examiner(context, images, data)

        source = TargetImages(context, images, records)
        return cls(context, records, source, data, examiner, TargetJudge(context))


@dataclass(frozen=True, slots=True)
class ExaminedRecord:
    """A record with complete evidence, and the examinations that this run did for it."""

    record: Record
    done: frozenset[Stage] = frozenset()


async def process(
    steps: TargetSteps, target: Target, bases: Mapping[str, Digest], until: Stage
) -> TargetResult:
    """The result of one target, on the digests of its internal bases by target id. Faults become results."""
    began = time.monotonic()
    try:
        obtained = await steps.source.obtain(target, bases)
        examined = await _examine(steps, target, obtained, until)
        steps.records.keep(examined.record)
        result = await _judge(steps.judge, target, obtained, examined, until)
    except LockageError as fault:
        result = TargetResult.of(target, Status.FAILED, fault.message, fault=fault)
    if result.status is Status.CLOSED:
        reasons = "; ".join(v.reasons[0] for v in _closed(result.verdicts) if v.reasons)
        steps.context.tell(target.id, ProgressState.CLOSED, reasons)
    else:
        steps.context.tell(target.id, ProgressState(result.status.value))
    return replace(result, seconds=time.monotonic() - began)


async def _examine(steps: TargetSteps, target: Target, obtained: Obtained, until: Stage) -> ExaminedRecord:
    """The record with the evidence that a run up to `until` needs.

    Another machine may have built the target at the same time: then the record is the one that it signed.
    """
    record, required = obtained.record, _required(until)
    replaceable = obtained.status is Status.BUILT and not steps.context.fresh
    if not required:
        replacement = await steps.records.built_elsewhere(record.key, record) if replaceable else None
        return ExaminedRecord(replacement or record)
    context = steps.context
    stages = await find_outstanding(context, steps.data, target, record) & required
    if not stages:
        return ExaminedRecord(record)
    examined = await steps.examiner().examine(target, record, stages)
    if replaceable and (replacement := await steps.records.built_elsewhere(record.key, record)):
        return await _examine(
            steps, target, replace(obtained, record=replacement, status=Status.REUSED), until
        )
    tests = tests_digest(target, context.tools.version("structure-test"))
    record = replace(
        record,
        evidence=record.evidence.updated(examined.evidence),
        tests=tests if Stage.TEST in stages else record.tests,
        attested=None if Stage.SBOM in stages else record.attested,
    )
    return ExaminedRecord(await steps.records.write(record, examined.documents), stages)


def _required(until: Stage) -> frozenset[Stage]:
    """One examination when the run ends with it; all of them before anything is pushed."""
    if until in EXAMINATIONS:
        return frozenset({until})
    return frozenset() if until is Stage.BUILD else EXAMINATIONS


async def _judge(
    judge: TargetJudge, target: Target, obtained: Obtained, examined: ExaminedRecord, until: Stage
) -> TargetResult:
    """The result by the target's gates, evaluated unless the run ends with the build."""
    record = examined.record
    evidence, verdicts, vex = known_evidence(target, record.evidence), tuple[Verdict, ...](), None
    if until is not Stage.BUILD:
        judged = await judge.judge(target, record.digest, evidence)
        verdicts, vex = judged.verdicts, judged.vex
    status, reason = obtained.status, obtained.reason
    if closed := _closed(verdicts):
        status, reason = Status.CLOSED, f"gate closed: {', '.join(v.gate for v in closed)}"
    elif examined.done and status is Status.REUSED:
        stages = sorted(examined.done, key=lambda stage: stage.number)
        reason = f"its key is known; examined again: {', '.join(stages)}"
    result = TargetResult.of(target, status, reason)
    passed = (
        unnoticed(evidence.scan.findings, target.gates.vulnerabilities) if verdicts and evidence.scan else {}
    )
    return replace(result, record=record, evidence=evidence, verdicts=verdicts, vex=vex, unnoticed=passed)


def _closed(verdicts: tuple[Verdict, ...]) -> list[Verdict]:
    return [verdict for verdict in verdicts if not verdict.passed]
