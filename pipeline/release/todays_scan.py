"""What is published, scanned again where its signed findings are of older data than today's.

Promotion and rescan take the same path: plan what to scan, scan, attest. Where nothing is outdated, no engine starts.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pipeline.engine.image import archive, existing
from pipeline.errors import RegistryError
from pipeline.oci.index import is_attestation
from pipeline.policy import Finding, Scan, Tool
from pipeline.run.signing.index_evidence import index_findings
from pipeline.run.signing.signer import signer
from pipeline.run.signing.statements import findings_statement
from pipeline.run.target.examination.findings import ImageScanner, ScannedImage
from pipeline.run.target.examination.scanner_data import ScannerData
from pipeline.sbom.volatile_labels import volatile_labels
from pipeline.trust import Statement, attach
from pipeline.util.concurrency import each
from pipeline.util.dataclass import dataclass
from pipeline.util.progress import ProgressState

from .attested_image import AttestedImage

if TYPE_CHECKING:
    from pipeline.model import Descriptor, Gates, Repository
    from pipeline.registry import Registry
    from pipeline.run.context import RunContext


class ScanSource(StrEnum):
    """What a scan of a published image reads."""

    SBOM = "sbom"  # the attested bill of materials
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class PlannedScan:
    """An image and the scan it needs: `source` is None where its signed findings count as they are; `before` is the
    scan that they are of, None if nobody can read any; `scanners` look for vulnerabilities."""

    image: AttestedImage
    before: Scan | None
    source: ScanSource | None
    document: Any = field(default=None, repr=False)
    scanners: tuple[str, ...] = ("trivy",)

    @classmethod
    async def without_scan(cls, image: AttestedImage) -> PlannedScan:
        """No scan: the signed findings count as they are. Raises ValueError for those that cannot be read."""
        return cls(image, image.scan, None)

    @property
    def as_signed(self) -> TodaysScan:
        """The signed findings, where nothing is scanned."""
        assert self.before, "findings that count were read"
        return TodaysScan(self.image, self.before, self.before)

    def to_json(self) -> dict[str, Any]:
        """The plan as data: what will be scanned, if anything, and the data of the signed findings."""
        return _json(self.image, self.source, self.before)


@dataclass(frozen=True, slots=True)
class TodaysScan:
    """The scan of an image that judges it today, and what it read if it was made just now; `statement` is to be
    attested."""

    image: AttestedImage
    scan: Scan
    before: Scan | None
    source: ScanSource | None = None
    statement: Statement | None = None

    @property
    def opened(self) -> tuple[Finding, ...]:
        """The findings that the signed ones before do not have."""
        old = {(f.id, f.package) for f in self.before.findings} if self.before else set()
        return tuple(f for f in self.scan.findings if (f.id, f.package) not in old)

    @property
    def gone(self) -> tuple[str, ...]:
        """What the signed ones before have, and these do not."""
        old = {(f.id, f.package) for f in self.before.findings} if self.before else set()
        new = {(f.id, f.package) for f in self.scan.findings}
        return tuple(sorted(f"{id} in {package}" for id, package in old - new))

    def to_json(self) -> dict[str, Any]:
        """The scan as data: what was scanned just now, if anything, the data that judged, and what is new."""
        new = [f"{finding.id} in {finding.package}" for finding in self.opened]
        return {**_json(self.image, self.source, self.scan), "new": new}


class TodaysScans:
    """Scans of published images with the data in force today."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._data = ScannerData.of(context)
        self._scanner = ImageScanner(context, self._data)

    async def plan(self, image: AttestedImage, gates: Gates) -> PlannedScan:
        """Whether an image has to be scanned to be judged by these gates, and from what. Raises as fetching the
        data."""
        scanners = gates.vulnerabilities.scanners
        try:
            before = image.scan
        except ValueError:
            before = None
        if before is None:
            return PlannedScan(image, None, ScanSource.IMAGE, scanners=scanners)
        if not (before.unexamined or await self._data.outdate(before, scanners)):
            return PlannedScan(image, before, None)
        document = image.bill_of_materials if self._may_read_sbom(before, scanners) else None
        source = ScanSource.SBOM if document else ScanSource.IMAGE
        return PlannedScan(image, before, source, document, scanners)

    def _may_read_sbom(self, before: Scan, scanners: Sequence[str]) -> bool:
        """Secrets are in no bill of materials: those of the earlier scan count, if the same scanner made it. Java
        archives are identified by their content, which only the image has. Where grype takes part, the packages are
        listed again, as its findings are joined with what trivy sees in the image."""
        version = self._context.tools.version("trivy")
        same = [(tool.name, tool.version) for tool in before.tools] == [("trivy", version)]
        return same and [*scanners] == ["trivy"] and before.java is None and not before.unexamined

    async def scan(self, planned: PlannedScan) -> TodaysScan:
        """The scan that judges an image today: made now, or signed already. Raises BuildError, RegistryError."""
        image, before = planned.image, planned.before
        if planned.source is None:
            return planned.as_signed
        if planned.source is ScanSource.SBOM:
            async with self._context.limits.tools:
                if by_document := await self._scan_document(planned):
                    return by_document
        client = await self._context.engines.of(image.platform).client()
        holds_java = bool(before and before.java)
        parts = replace(await self._parts(image), scanners=planned.scanners)
        packed = archive(existing(client, image.reference, image.platform), volatile_labels(parts.config))
        scan, document = await self._scanner.scan(parts, packed, holds_java=holds_java)
        return self._scanned(planned, scan, document, ScanSource.IMAGE)

    async def _scan_document(self, planned: PlannedScan) -> TodaysScan | None:
        image = planned.image
        assert image.findings
        self._context.tell(image.name, ProgressState.SCAN, "its bill of materials")
        report = image.findings.predicate["scanner"]["result"]
        scanned = await self._scanner.scan_sbom(image.reference, planned.document, report, image.name)
        return scanned and self._scanned(planned, *scanned, ScanSource.SBOM)

    def _scanned(
        self, planned: PlannedScan, scan: Scan, document: bytes | None, source: ScanSource
    ) -> TodaysScan:
        """What nobody could examine is not attested, because it would be read as clean; Java archives without Java data
        are, because signed findings say so."""
        statement = None
        if document is not None and not scan.unexamined:
            statement = findings_statement(planned.image.child.digest, scan, json.loads(document))
        return TodaysScan(planned.image, scan, planned.before, source, statement)

    async def _parts(self, image: AttestedImage) -> ScannedImage:
        manifest = await self._context.registry.get_manifest(image.reference)
        if manifest is None or manifest.config is None:
            raise RegistryError(f"{image.reference} is listed and is no image")
        config = await self._context.registry.blob(image.repository, manifest.config)
        return ScannedImage(image.name, image.reference, image.platform, manifest, config)


async def scan_and_attest(
    context: RunContext, scans: TodaysScans, planned: Sequence[PlannedScan]
) -> list[TodaysScan]:
    """The scans of images in the order given; what is scanned just now is signed in one step and attached to each, and
    to the indexes all of whose platforms are among the images.

    Raises UsageError for a key that cannot sign, BuildError, RegistryError.
    """
    if any(scan.source for scan in planned):
        assert context.image_signer or context.signing.sealed, "refused before anything is scanned"
    made = await each(scans.scan, planned)
    unattested = [(s.image.repository, s.image.child, s.statement) for s in made if s.statement]
    if unattested:
        unattested += await _of_indexes(context.registry, made)
        bundles = await signer(context)("new findings", [statement for _, _, statement in unattested])
        created = int(datetime.now(UTC).timestamp())
        for (repository, subject, _), bundle in zip(unattested, bundles, strict=True):
            await attach(context.registry, repository, subject, bundle, created=created)
    return made


async def _of_indexes(
    registry: Registry, scans: Sequence[TodaysScan]
) -> list[tuple[Repository, Descriptor, Statement]]:
    """The findings of each index with a platform that was scanned just now, as far as those of all are known."""
    indexes = {
        scan.image.repository.at(scan.image.of_index.subject): scan.image.repository
        for scan in scans
        if scan.statement and scan.image.of_index
    }
    statements = {scan.image.child.digest: scan.statement or scan.image.findings for scan in scans}
    attestable: list[tuple[Repository, Descriptor, Statement]] = []
    for reference, repository in indexes.items():
        manifest = await registry.get_manifest(reference)
        children = [c for c in manifest.children if c.platform and not is_attestation(c)] if manifest else []
        known = [
            (c.platform, s.predicate) for c in children if c.platform and (s := statements.get(c.digest))
        ]
        if manifest and children and len(known) == len(children):
            attestable += [(repository, manifest.descriptor, s) for s in index_findings(reference, known)]
    return attestable


def _json(image: AttestedImage, source: ScanSource | None, scan: Scan | None) -> dict[str, Any]:
    return {
        "reference": str(image.reference),
        "platform": str(image.platform),
        "source": str(source) if source else None,
        "data_date": scan.tool.data_date if scan else None,
        "data_digest": scan.tool.data_digest if scan else None,
        **beside_json(scan.scanners[1:] if scan else ()),
    }


def beside_json(tools: Sequence[Tool]) -> dict[str, Any]:
    """The data of a second scanner; nothing where there is none."""
    data = [{"name": t.name, "data_date": t.data_date, "data_digest": t.data_digest} for t in tools]
    return {"beside": data} if data else {}
