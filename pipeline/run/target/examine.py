"""From a digest to evidence: scan, bill of materials and structure tests, as far as they are not known already."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from pipeline.engine import sbom as sbom_step
from pipeline.engine import scan as scan_step
from pipeline.engine import structure as structure_step
from pipeline.engine.image import archive, existing
from pipeline.errors import BuildError
from pipeline.model import Digest
from pipeline.plan import Target
from pipeline.policy import Evidence, Inventory, Scan, TestCase, TestReport, Tool
from pipeline.policy.reports import cyclonedx_inventory, structure_tests, trivy_scan
from pipeline.state.record import Record
from pipeline.util.concurrency import each
from pipeline.util.progress import ProgressState

from ..results import Stage
from .structure_tests import split
from .vulnerability_database import VulnerabilityDatabase

if TYPE_CHECKING:
    import dagger

    from ..context import RunContext
    from ..image_cache import ImageCache
    from ..tools import ToolImages


@dataclass(frozen=True, slots=True)
class Examined:
    """Evidence, and the tools' documents by format as far as this run made them."""

    evidence: Evidence
    documents: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}))


def tests_digest(target: Target, tester: str) -> Digest:
    """The digest of what structure tests depend on besides the image: their file and the tester's version."""
    return Digest.of(f"{tester}\n{target.test or ''}".encode())


def untested(target: Target, record: Record | None, tester: str) -> bool:
    """Whether the structure tests are to be run: never run, another file or tester, or some failed."""
    if not target.test:
        return False
    report = record.evidence.tests if record else None
    if record is None or report is None or record.tests != tests_digest(target, tester):
        return True
    return bool(report.unexamined) or not report.cases or not all(case.passed for case in report.cases)


def outstanding(target: Target, record: Record, tools: ToolImages, database: Digest) -> frozenset[Stage]:
    """The examinations to do (again): never done, by another tool, with other data, or tests that failed."""
    stages = set()
    scan, inventory = record.evidence.scan, record.evidence.inventory
    trivy = tools.version("trivy"), str(database)
    if not scan or scan.unexamined or (scan.tool.version, scan.tool.data_digest) != trivy:
        stages.add(Stage.SCAN)
    if not inventory or inventory.unexamined or inventory.tool.version != tools.version("syft"):
        stages.add(Stage.SBOM)
    if untested(target, record, tools.version("structure-test")):
        stages.add(Stage.TEST)
    return frozenset(stages)


class Examiner:
    """Examines the images of a run by the tools in the engine. `database` is the run's vulnerability data."""

    def __init__(self, context: RunContext, images: ImageCache, database: VulnerabilityDatabase) -> None:
        self._context, self._images, self.database = context, images, database

    async def examine(self, target: Target, digest: Digest, stages: Collection[Stage]) -> Examined:
        """The evidence of these examinations, done at the same time; its size is 0."""
        context = self._context
        client = await context.engines.of(target.platform).client()
        image = existing(client, context.builds.at(digest), target.platform)
        packed = archive(image)
        steps: dict[Stage, Callable[[], Awaitable[Examined]]] = {
            Stage.SCAN: lambda: self._scan(client, target, packed),
            Stage.SBOM: lambda: self._inventory(client, target, packed),
            Stage.TEST: lambda: self._test(client, target, digest, image, packed),
        }

        async def step(stage: Stage) -> Examined:
            async with context.limits.tools:
                context.tell(target.id, ProgressState(stage.value))
                return await steps[stage]()

        parts = await each(step, sorted(stages, key=lambda stage: stage.number))
        return Examined(
            merged(Evidence(0), *(part.evidence for part in parts)),
            {kind: document for part in parts for kind, document in part.documents.items()},
        )

    async def _scan(self, client: dagger.Client, target: Target, packed: dagger.File) -> Examined:
        tools, database = self._context.tools, await self.database.fetch()
        folder = await self._context.engines.of(target.platform).folder(database.folder)
        report = await scan_step.scan_image(client, tools.image("trivy"), packed, folder, subject=target.id)
        tool = Tool("trivy", tools.version("trivy"), database.updated, str(database.digest))
        try:
            scan = trivy_scan(report, tool, artifact=scan_step.ARCHIVE)
        except ValueError as fault:
            return Examined(Evidence(0, scan=Scan(tool, (), (), (_unread(fault),))))
        return Examined(Evidence(0, scan=scan), {"trivy-json": report})

    async def _inventory(self, client: dagger.Client, target: Target, packed: dagger.File) -> Examined:
        tools = self._context.tools
        documents = await sbom_step.sbom(
            client, tools.image("syft"), packed, name=target.image, version=target.tag
        )
        tool = Tool("syft", tools.version("syft"))
        try:
            inventory = cyclonedx_inventory(documents, tool, subject=(target.image, target.tag))
        except ValueError as fault:
            return Examined(Evidence(0, inventory=Inventory(tool, 0, {}, (_unread(fault),))))
        return Examined(Evidence(0, inventory=inventory), documents)

    async def _test(
        self,
        client: dagger.Client,
        target: Target,
        digest: Digest,
        image: dagger.Container,
        packed: dagger.File,
    ) -> Examined:
        tests = split(target.test or "", target.test_template or target.id)
        tester = self._context.tools.image("structure-test")
        tool = Tool("container-structure-test", self._context.tools.version("structure-test"))
        reports = []
        if tests.inside:
            config = (await self._image_config(digest)).decode()
            reports.append(
                await structure_step.inside(client, tester, image, tests.inside, config, subject=target.id)
            )
        if tests.metadata:
            reports.append(
                await structure_step.metadata(client, tester, packed, tests.metadata, subject=target.id)
            )
        return Examined(Evidence(0, tests=_tests(reports, tool, tests.cases)))

    async def _image_config(self, digest: Digest) -> bytes:
        reference = self._context.builds.at(digest)
        manifest = await self._images.get_manifest(reference)
        if manifest is None or manifest.config is None:
            raise BuildError(f"{reference} has no configuration to test with")
        return await self._images.blob(reference.repository, manifest.config)


def merged(evidence: Evidence, *newer: Evidence) -> Evidence:
    """Evidence with the newer parts in place of its own; its size stays."""
    for part in newer:
        evidence = replace(
            evidence,
            scan=part.scan or evidence.scan,
            inventory=part.inventory or evidence.inventory,
            tests=part.tests or evidence.tests,
        )
    return evidence


def _tests(reports: Sequence[bytes], tool: Tool, count: int) -> TestReport:
    """The reports on one image as one; `count` is the number of cases of its file."""
    cases: list[TestCase] = []
    unexamined: list[str] = []
    for report in reports:
        try:
            cases += structure_tests(report, tool).cases
        except ValueError as fault:
            unexamined.append(_unread(fault))
    if not unexamined and len(cases) < count:
        unexamined.append(f"the report has {len(cases)} cases, the test file {count}")
    return TestReport(tool, tuple(cases), tuple(unexamined))


def _unread(fault: ValueError) -> str:
    return f"the report cannot be read: {fault}"
