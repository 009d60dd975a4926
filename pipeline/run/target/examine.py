"""From a digest to evidence: scan, bill of materials, tests; only what is not known already."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pipeline.engine import sbom as sbom_step
from pipeline.engine import scan as scan_step
from pipeline.engine import structure as structure_step
from pipeline.engine.image import archive
from pipeline.errors import BuildError
from pipeline.model import Digest
from pipeline.plan import Target
from pipeline.policy import Evidence, TestReport, Tool
from pipeline.policy.reports import cyclonedx_inventory, structure_tests, trivy_scan
from pipeline.util.concurrency import each

from ..context import RunContext
from ..results import Stage
from .structure_tests import split
from .vulnerability_database import Database

if TYPE_CHECKING:
    import dagger


@dataclass(frozen=True, slots=True)
class Examined:
    """Evidence on a digest, and the documents themselves where this run made them (format -> bytes)."""

    evidence: Evidence
    documents: dict[str, bytes] = field(default_factory=dict)


def tests_key(context: RunContext, target: Target) -> str:
    """What the tests depend on besides the image: their file and the tester."""
    text = f"{context.tool_version('structure-test')}\n{target.test or ''}"
    return str(Digest.of(text.encode()))


def missing(context: RunContext, target: Target, known: Evidence, tests: str, database: Digest) -> set[Stage]:
    """Which examinations are to be done (again): never done, other tool or data, or tests that failed."""
    out = set()
    scan, inventory, report = known.scan, known.inventory, known.tests
    if not scan or (scan.tool.version, scan.tool.data_digest) != (
        context.tool_version("trivy"),
        str(database),
    ):
        out.add(Stage.SCAN)
    if not inventory or inventory.tool.version != context.tool_version("syft"):
        out.add(Stage.SBOM)
    if untested(context, target, report, tests):
        out.add(Stage.TEST)
    return out


def untested(context: RunContext, target: Target, report: TestReport | None, tests: str) -> bool:
    """Whether the structure tests are to be run: never run, another file or tester, or some failed."""
    if not target.test:
        return False
    return not report or tests != tests_key(context, target) or not all(c.passed for c in report.cases)


async def examine(
    context: RunContext,
    target: Target,
    image: dagger.Container,
    digest: Digest,
    known: Evidence,
    stages: set[Stage],
    database: Callable[[], Awaitable[Database]],
) -> Examined:
    """Do the examinations in `stages` on an image, at the same time; the rest stays as it is known."""
    client = await context.engines.of(target.platform).client()
    packed = archive(image)
    documents: dict[str, bytes] = {}

    async def do(stage: Stage) -> object:
        async with context.limits.tools:
            context.report(target.id, stage, "")
            return await work[stage]()

    async def scan() -> object:
        data = await database()
        folder = await context.engines.of(target.platform).folder(data.folder)
        raw = await scan_step.scan_image(client, context.tool("trivy"), packed, folder, what=target.id)
        documents["trivy-json"] = raw
        tool = Tool("trivy", context.tool_version("trivy"), data.updated, str(data.digest))
        return _read(lambda: trivy_scan(raw, tool))

    async def sbom() -> object:
        made = await sbom_step.sbom(
            client, context.tool("syft"), packed, name=target.image, version=target.tag
        )
        documents.update(made)
        return _read(lambda: cyclonedx_inventory(made, Tool("syft", context.tool_version("syft"))))

    async def test() -> object:
        return await _test(context, target, digest, image, packed)

    work = {Stage.SCAN: scan, Stage.SBOM: sbom, Stage.TEST: test}
    ordered = sorted(stages, key=lambda s: s.number)
    found = zip(ordered, await each(do, ordered), strict=True)
    names = {Stage.SCAN: "scan", Stage.SBOM: "inventory", Stage.TEST: "tests"}
    return Examined(replace(known, **{names[stage]: value for stage, value in found}), documents)


async def _test(
    context: RunContext, target: Target, digest: Digest, image: dagger.Container, packed: dagger.File
) -> TestReport:
    client = await context.engines.of(target.platform).client()
    tool = Tool("container-structure-test", context.tool_version("structure-test"))
    inside, metadata = split(target.test or "")
    cases = []
    reference = context.tool("structure-test")
    if inside:
        config = (await _config(context, digest)).decode()
        raw = await structure_step.inside(client, reference, image, inside, config, what=target.id)
        cases += _read(lambda: structure_tests(raw, tool)).cases
    if metadata:
        raw = await structure_step.metadata(client, reference, packed, metadata, what=target.id)
        cases += _read(lambda: structure_tests(raw, tool)).cases
    return TestReport(tool, tuple(cases))


async def _config(context: RunContext, digest: Digest) -> bytes:
    manifest = await context.registry.get_manifest(context.builds.at(digest))
    if manifest is None or manifest.config is None:
        raise BuildError(f"{context.builds.at(digest)} has no configuration to test with")
    return await context.registry.blob(context.builds, manifest.config)


def _read(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise BuildError(f"a tool's report cannot be read: {fault}") from None
