"""From the results of a run, or from the records of the catalogue's targets, to the values that reports are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import anyio

from pipeline.errors import BuildError, ConfigError, LockageError, RegistryError
from pipeline.plan.layer_lines import from_line, layer_lines
from pipeline.plan.template_lines import TemplateLines
from pipeline.policy import VexEvidence, judge_findings
from pipeline.policy.scan_details import ScanDetails, key_of, scan_details
from pipeline.report.values import FileLine, ImageReport, Report, ReportedFault, TargetReport, reported
from pipeline.run.gates.judge import TargetJudge
from pipeline.state.attested import attested_scans, first_seen
from pipeline.state.records import Records
from pipeline.state.signers import program_version
from pipeline.util.concurrency import each
from pipeline.util.dataclass import dataclass

from .history import read_history

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.model import Descriptor, Repository
    from pipeline.plan import Target
    from pipeline.policy.scan_details import FindingKey
    from pipeline.run import ImageResult, RunContext, RunResult, TargetResult
    from pipeline.state.record import Record

_AT_ONCE = 16  # documents that are read at the same time


@dataclass(frozen=True, slots=True)
class Collected:
    """A report, and where its targets' bills of materials (CycloneDX) are, by target: the repository and the blob."""

    report: Report
    documents: Mapping[str, tuple[Repository, Descriptor]]


@dataclass(frozen=True, slots=True)
class Collector:
    """What collecting needs. `name` gives the path of a file as the reader of a report knows it. `whole` also reads the
    scanner's whole reports and the attested scans from the registry: where a package is, and since when a finding is
    known."""

    context: RunContext
    lines: TemplateLines
    limit: anyio.CapacityLimiter
    name: Callable[[Path], str]
    whole: bool
    judge: TargetJudge

    @classmethod
    def of(cls, context: RunContext, name: Callable[[Path], str], *, whole: bool) -> Collector:
        """A collector for the plan of a context."""
        limit = anyio.CapacityLimiter(_AT_ONCE)
        return cls(context, TemplateLines(context.plan), limit, name, whole, TargetJudge(context))

    async def of_run(self, command: str, result: RunResult) -> Collected:
        """The report of a run."""
        targets = await each(self._of_result, result.targets)
        images = tuple(_image(image) for image in result.images)
        pushed = {(image.image, image.tag): image for image in result.images if image.pushed}
        report = replace(
            self._report(command),
            exit_code=int(result.exit_code),
            seconds=result.seconds,
            targets=tuple(self._pushed(target, pushed.get((target.image, target.tag))) for target in targets),
            images=images,
        )
        return Collected(report, self._documents({target.id: target.record for target in result.targets}))

    async def of_records(self, command: str) -> Collected:
        """The report of what the repository of builds knows of the plan's targets, judged today."""
        store = self.context.store()
        records = Records(store, self.context.plan.targets)
        reported = await each(partial(self._of_record, records), self.context.plan.targets)
        self.context.tell_distrusted(store)
        report = replace(self._report(command), targets=tuple(target for target, _ in reported))
        return Collected(report, self._documents({target.id: record for target, record in reported}))

    def _report(self, command: str) -> Report:
        context = self.context
        return Report(
            project=context.plan.project.project,
            command=command,
            version=program_version(),
            made=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            day=context.today,
            revision=context.revision.label,
        )

    async def _of_result(self, result: TargetResult) -> TargetReport:
        target = self.context.plan.by_id[result.id]
        fault = _fault(result.id, result.fault)
        report = replace(
            self._empty(target, str(result.status), result.reason),
            seconds=result.seconds,
            fault=fault,
            evidence=result.evidence,
            location=self._location(target, result.fault),
        )
        if result.record is None:
            return report
        vex = result.vex
        if vex is None or self.whole:
            vex = await self._vex(target, result.record)
        return await self._examined(replace(report, verdicts=result.verdicts), target, result.record, vex)

    async def _of_record(self, records: Records, target: Target) -> tuple[TargetReport, Record | None]:
        async with self.limit:
            record = await records.find(target.key) if target.key else None
        if record is None:
            reason = "the repository of builds does not have it: lockage run builds it"
            return self._empty(target, "unknown", reason), None
        vex = await self._vex(target, record)
        async with self.limit:
            judged = await self.judge.judge(target, record.digest, record.evidence, vex=vex)
        evidence, verdicts = judged.evidence, judged.verdicts
        closed = [verdict.gate for verdict in verdicts if not verdict.passed]
        status, reason = ("closed", f"gate closed: {', '.join(closed)}") if closed else ("known", "")
        report = replace(self._empty(target, status, reason), evidence=evidence, verdicts=verdicts)
        return await self._examined(report, target, record, vex), record

    def _empty(self, target: Target, status: str, reason: str) -> TargetReport:
        return TargetReport(
            target.id,
            target.image,
            target.tag,
            str(target.platform),
            status,
            reason,
            repository=str(self._repository(target)),
            location=self._location(target, None),
        )

    async def _examined(
        self, report: TargetReport, target: Target, record: Record, vex: VexEvidence
    ) -> TargetReport:
        """The report of a target whose image is known."""
        report = replace(
            report,
            digest=str(record.digest),
            reference=str(self.context.home(record.digest).at(record.digest)),
        )
        scan = record.evidence.scan
        if scan is None:
            return report
        details, days = await self._whole_report(target, record) if self.whole else (ScanDetails(), {})
        locations = self._locations(target, details)
        judged = judge_findings(scan.findings, target.gates.vulnerabilities, self.context.today, vex)
        return replace(
            report,
            scan=details,
            findings=tuple(
                reported(finding, details, days.get(key_of(finding.finding), ""), locations)
                for finding in judged
            ),
        )

    async def _whole_report(
        self, target: Target, record: Record
    ) -> tuple[ScanDetails, Mapping[FindingKey, str]]:
        """The scanner's report, and since when each finding is known; empty where the registry lacks them."""
        context, builds = self.context, self.context.home(record.digest)
        async with self.limit:
            document = record.documents.get("trivy-json")
            details = ScanDetails()
            try:
                if document is not None:
                    details = scan_details(await context.registry.blob(builds, document))
            except (RegistryError, ValueError):
                pass  # the record has what the gates judged
            details = await read_history(context.registry, builds, record.digest, details)
            try:
                scans = await attested_scans(
                    context.registry, self._repository(target), record.digest, context.publishing_key
                )
            except (RegistryError, ConfigError):
                scans = ()
        return details, first_seen(scans)

    async def _vex(self, target: Target, record: Record) -> VexEvidence:
        """What VEX is matched with; with what is attested where whole reports are read."""
        subject = self.context.subject(target.image, record.digest)
        if not self.whole:
            return VexEvidence(subject)
        async with self.limit:
            try:
                return await self.judge.attested_vex(target, record.digest)
            except RegistryError:
                return VexEvidence(subject)

    def _repository(self, target: Target) -> Repository:
        return self.context.repository(self.context.plan.project.environments[0], target.image)

    def _locations(self, target: Target, details: ScanDetails) -> dict[int, FileLine]:
        """Lines of templates by the number of a layer."""
        lines = layer_lines(target, details.history)
        if len(lines) != len(details.layers):
            return {}
        known = {line: self._line(target, line) for line in set(lines)}
        return {number: at for number, line in enumerate(lines, 1) if (at := known[line])}

    def _location(self, target: Target, fault: LockageError | None) -> FileLine | None:
        """The line of the instruction that failed, else of FROM, else the tag's entry in the catalogue."""
        if isinstance(fault, BuildError) and fault.lines and (at := self._line(target, fault.lines[0])):
            return at
        if (line := from_line(target)) and (at := self._line(target, line)):
            return at
        path, number = self.lines.definition(target.id)
        return self._file(path, number)

    def _line(self, target: Target, line: int) -> FileLine | None:
        at = self.lines.of(target.id, line) if line else None
        return self._file(*at) if at else None

    def _file(self, path: str, line: int) -> FileLine:
        root = self.context.caches.root
        return FileLine(self.name(root / path) if root else path, max(1, line))

    def _documents(self, records: Mapping[str, Record | None]) -> dict[str, tuple[Repository, Descriptor]]:
        return {
            name: (self.context.home(record.digest), document)
            for name, record in records.items()
            if record and (document := record.documents.get("cyclonedx-json"))
        }

    def _pushed(self, report: TargetReport, image: ImageResult | None) -> TargetReport:
        """The report with the reference in the first environment, where the image was pushed to."""
        if image is None or image.pushed is None or not report.digest:
            return report
        return replace(report, reference=f"{image.pushed.repository}@{report.digest}")


def _image(image: ImageResult) -> ImageReport:
    name = f"{image.image}:{image.tag}"
    return ImageReport(
        name,
        str(image.status),
        image.reason,
        str(image.pushed.by_digest) if image.pushed else "",
        image.signed,
        tuple(f"{r.repository.path}:{r.tag}" for r in image.promoted),
        _fault(name, image.fault),
    )


def _fault(subject: str, fault: LockageError | None) -> ReportedFault | None:
    if fault is None:
        return None
    return ReportedFault(subject, fault.message, fault.detail or "", fault.hint or "")
