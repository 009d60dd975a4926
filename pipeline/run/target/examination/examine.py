"""From a digest to evidence: scan, bill of materials, structure tests and checks, lint, as far as not known already."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import field, replace
from functools import reduce
from types import MappingProxyType
from typing import TYPE_CHECKING

from pipeline.engine import sbom as sbom_step
from pipeline.engine.faults import uncancelled
from pipeline.engine.image import archive, existing
from pipeline.engine.structure import Tester
from pipeline.model import Digest, LintLevel
from pipeline.plan import Target
from pipeline.policy import Evidence, Inventory, LintFinding, TestReport, Tool
from pipeline.policy.reports import structure_tests
from pipeline.sbom.volatile_labels import volatile_labels
from pipeline.state.record import Record
from pipeline.util.concurrency import each
from pipeline.util.dataclass import dataclass
from pipeline.util.progress import ProgressState

from ...lint import Linter
from ...results import Stage
from .findings import ImageScanner, ScannedImage
from .image_checks import check_image
from .inventory import image_config, inventory
from .sbom_subject import subject_of
from .scanner_data import ScannerData
from .shared_results import SharedResults, content_read
from .structure_tests import prepared

if TYPE_CHECKING:
    import dagger

    from ...context import RunContext
    from ...image_cache import ImageCache


@dataclass(frozen=True, slots=True)
class Examined:
    """Evidence, and the tools' documents by format as far as this run made them."""

    evidence: Evidence
    documents: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}))


class Examiner:
    """Examines the images of a run by the tools in the engine."""

    def __init__(self, context: RunContext, images: ImageCache, data: ScannerData) -> None:
        self._context, self._images, self._data = context, images, data
        self._scanner = ImageScanner(context, data)
        self._linter = Linter(context)
        self._listings = SharedResults[Mapping[str, bytes]](lambda listed: sum(map(len, listed.values())))

    async def examine(self, target: Target, record: Record, stages: Collection[Stage]) -> Examined:
        """The evidence of these examinations, done at the same time; its size is 0."""
        context, digest = self._context, record.digest
        client = await context.engines.of(target.platform).client()
        image = existing(client, context.home(digest).at(digest), target.platform)
        steps: dict[Stage, Callable[[], Awaitable[Examined]]] = {
            Stage.LINT: lambda: self._lint(target, record),
            Stage.TEST: lambda: self._test(client, target, digest, image),
        }
        # These may wait for another image's, and take their share of the limit when they run.
        waiting: dict[Stage, Callable[[], Awaitable[Examined]]] = {
            Stage.SCAN: lambda: self._scan(target, image, record),
            Stage.SBOM: lambda: self._inventory(client, target, digest, image),
        }

        async def step(stage: Stage) -> Examined:
            if stage in waiting:
                return await uncancelled(waiting[stage])
            async with context.limits.tools:
                context.tell(target.id, ProgressState(stage.value))
                return await uncancelled(steps[stage])

        parts = await each(step, sorted(stages, key=lambda stage: stage.number))
        return Examined(
            reduce(Evidence.updated, (part.evidence for part in parts), Evidence(0)),
            {kind: document for part in parts for kind, document in part.documents.items()},
        )

    async def _lint(self, target: Target, record: Record) -> Examined:
        """Hadolint's findings and those of BuildKit's build checks, which are warnings."""
        report = await self._linter.report(target)
        checks = [
            LintFinding(w.line, w.rule, LintLevel.WARNING, w.message) for w in record.warnings if w.rule
        ]
        findings = sorted((*report.findings, *checks), key=lambda finding: (finding.line, finding.rule))
        return Examined(Evidence(0, lint=replace(report, findings=tuple(findings))))

    async def _scan(self, target: Target, image: dagger.Container, record: Record) -> Examined:
        manifest, config = await image_config(self._context, self._images, record.digest)
        reference = subject_of(self._context, target, record.digest).reference
        scanned = ScannedImage(
            target.id,
            reference,
            target.platform,
            manifest,
            config,
            self._context.plan.origin(target),
            target.gates.vulnerabilities.scanners,
            (target.image, target.tag),
        )
        known = record.evidence.scan
        packed = archive(image, volatile_labels(config))
        scan, document = await self._scanner.scan(scanned, packed, holds_java=bool(known and known.java))
        return Examined(Evidence(0, scan=scan), {} if document is None else {"trivy-json": document})

    async def _inventory(
        self, client: dagger.Client, target: Target, digest: Digest, image: dagger.Container
    ) -> Examined:
        context = self._context
        manifest, config = await image_config(context, self._images, digest)

        async def list_packages() -> Mapping[str, bytes]:
            async with context.limits.tools:
                context.tell(target.id, ProgressState.SBOM)
                tool, packed = context.tools.image("syft"), archive(image, volatile_labels(config))
                return await sbom_step.sbom(client, tool, packed, name=target.image, version=target.tag)

        try:
            content = content_read((target.image, target.tag), manifest, config)
            listed = await self._listings.of(content, list_packages)
            packages, documents = inventory(context, target, listed, manifest, config)
        except ValueError as fault:
            tool = Tool("syft", context.tools.version("syft"))
            return Examined(Evidence(0, inventory=Inventory(tool, 0, {}, unexamined=(_unread(fault),))))
        return Examined(Evidence(0, inventory=packages), documents)

    async def _test(
        self, client: dagger.Client, target: Target, digest: Digest, image: dagger.Container
    ) -> Examined:
        tool = Tool("container-structure-test", self._context.tools.version("structure-test"))
        tested = TestReport(tool, ())
        if target.test:
            tests = prepared(target.test, target.test_template or target.id)
            tester = Tester(client, self._context.tools.image("structure-test"))
            _, config = await image_config(self._context, self._images, digest)
            inside = image if tests.inside else None
            report = await tester.run(tests.file, config.decode(), inside=inside, subject=target.id)
            tested = _tests(report, tool, tests.cases)
        if target.checks:
            checked = await check_image(self._context, client, target, image)
            tested = replace(tested, cases=(*tested.cases, *checked))
        return Examined(Evidence(0, tests=tested))


def _tests(report: bytes, tool: Tool, count: int) -> TestReport:
    """The report on an image; `count` is the number of cases of its file."""
    try:
        cases = structure_tests(report, tool).cases
    except ValueError as fault:
        return TestReport(tool, (), (_unread(fault),))
    missed = () if len(cases) >= count else (f"the report has {len(cases)} cases, the test file {count}",)
    return TestReport(tool, cases, missed)


def _unread(fault: ValueError) -> str:
    return f"the report cannot be read: {fault}"
