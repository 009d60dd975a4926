"""From a digest to evidence: scan, bill of materials, tests; only what is not known already."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pipeline.catalogue import Target
from pipeline.engine import sbom as sbom_step
from pipeline.engine import scan as scan_step
from pipeline.engine import structure as structure_step
from pipeline.engine.image import archive
from pipeline.errors import BuildError
from pipeline.model import Digest
from pipeline.policy import Evidence, TestReport, Tool
from pipeline.policy.reports import cyclonedx_inventory, structure_tests, trivy_scan
from pipeline.registry.together import each

from .database import Database
from .results import Stage
from .structure import split
from .workshop import Workshop

if TYPE_CHECKING:
    import dagger


@dataclass(frozen=True, slots=True)
class Examined:
    """Evidence on a digest, and the documents themselves where this run made them (format -> bytes)."""

    evidence: Evidence
    documents: dict[str, bytes] = field(default_factory=dict)


def tests_key(shop: Workshop, target: Target) -> str:
    """What the tests depend on besides the image: their file and the tester."""
    text = f"{shop.tool_version('structure-test')}\n{target.test or ''}"
    return str(Digest.of(text.encode()))


def missing(shop: Workshop, target: Target, known: Evidence, tests: str, database: Digest) -> set[Stage]:
    """Which examinations are to be done (again): never done, other tool or data, or tests that failed."""
    out = set()
    scan, inventory, report = known.scan, known.inventory, known.tests
    if not scan or (scan.tool.version, scan.tool.data_digest) != (shop.tool_version("trivy"), str(database)):
        out.add(Stage.SCAN)
    if not inventory or inventory.tool.version != shop.tool_version("syft"):
        out.add(Stage.SBOM)
    if untested(shop, target, report, tests):
        out.add(Stage.TEST)
    return out


def untested(shop: Workshop, target: Target, report: TestReport | None, tests: str) -> bool:
    """Whether the structure tests are to be run: never run, another file or tester, or some failed."""
    if not target.test:
        return False
    return not report or tests != tests_key(shop, target) or not all(c.passed for c in report.cases)


async def examine(
    shop: Workshop,
    target: Target,
    image: dagger.Container,
    digest: Digest,
    known: Evidence,
    stages: set[Stage],
    database: Callable[[], Awaitable[Database]],
) -> Examined:
    """Do the examinations in `stages` on an image, at the same time; the rest stays as it is known."""
    client = await shop.engines.of(target.platform).client()
    packed = archive(image)
    documents: dict[str, bytes] = {}

    async def do(stage: Stage) -> object:
        async with shop.limits.tools:
            shop.report(target.id, stage, "")
            return await work[stage]()

    async def scan() -> object:
        data = await database()
        folder = await shop.engines.of(target.platform).folder(data.folder)
        raw = await scan_step.scan_image(client, shop.tool("trivy"), packed, folder, what=target.id)
        documents["trivy-json"] = raw
        tool = Tool("trivy", shop.tool_version("trivy"), data.updated, str(data.digest))
        return _read(lambda: trivy_scan(raw, tool))

    async def sbom() -> object:
        made = await sbom_step.sbom(client, shop.tool("syft"), packed, name=target.image, version=target.tag)
        documents.update(made)
        return _read(lambda: cyclonedx_inventory(made, Tool("syft", shop.tool_version("syft"))))

    async def test() -> object:
        return await _test(shop, target, digest, image, packed)

    work = {Stage.SCAN: scan, Stage.SBOM: sbom, Stage.TEST: test}
    ordered = sorted(stages, key=lambda s: s.number)
    found = zip(ordered, await each(do, ordered), strict=True)
    names = {Stage.SCAN: "scan", Stage.SBOM: "inventory", Stage.TEST: "tests"}
    return Examined(replace(known, **{names[stage]: value for stage, value in found}), documents)


async def _test(
    shop: Workshop, target: Target, digest: Digest, image: dagger.Container, packed: dagger.File
) -> TestReport:
    client = await shop.engines.of(target.platform).client()
    tool = Tool("container-structure-test", shop.tool_version("structure-test"))
    inside, metadata = split(target.test or "")
    cases = []
    reference = shop.tool("structure-test")
    if inside:
        config = (await _config(shop, digest)).decode()
        raw = await structure_step.inside(client, reference, image, inside, config, what=target.id)
        cases += _read(lambda: structure_tests(raw, tool)).cases
    if metadata:
        raw = await structure_step.metadata(client, reference, packed, metadata, what=target.id)
        cases += _read(lambda: structure_tests(raw, tool)).cases
    return TestReport(tool, tuple(cases))


async def _config(shop: Workshop, digest: Digest) -> bytes:
    manifest = await shop.registry.get_manifest(shop.builds.at(digest))
    if manifest is None or manifest.config is None:
        raise BuildError(f"{shop.builds.at(digest)} has no configuration to test with")
    return await shop.registry.blob(shop.builds, manifest.config)


def _read(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise BuildError(f"a tool's report cannot be read: {fault}") from None
