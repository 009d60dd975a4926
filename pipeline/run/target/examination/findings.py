"""Scans of images, whose reports are about the image as it is published rather than the archive that was read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pipeline.engine.sbom import SyftListing
from pipeline.engine.scan import (
    ARCHIVE,
    HISTORY,
    GivenImage,
    ImageReports,
    JavaDataNeeded,
    Scanner,
)
from pipeline.engine.scanners.grype import Grype, GrypeOutput
from pipeline.model import Digest, Manifest, Platform, Reference
from pipeline.model.manifest import load_json
from pipeline.policy import JavaData, Scan, Tool
from pipeline.policy.image_history import history_text, with_secrets
from pipeline.policy.report_json import load_report
from pipeline.policy.reports import trivy_scan
from pipeline.policy.scan_details import without_matches
from pipeline.policy.scanners.grype import read_grype
from pipeline.policy.scanners.join import joined
from pipeline.sbom.findings import as_on_image
from pipeline.sbom.layers import diff_ids, renamed, renamings
from pipeline.sbom.volatile_labels import volatile_labels
from pipeline.util.dataclass import dataclass
from pipeline.util.json.canonical import compact
from pipeline.util.progress import ProgressState

from ...scanners.grype_database import archive_of
from .shared_results import SharedResults, content_read

if TYPE_CHECKING:
    import dagger

    from ...context import RunContext
    from ...scanners.data_source import Database
    from .scanner_data import ScannerData

STARTED = "StartedAt"
"""When the scan began; beside trivy's `CreatedAt`, its end, in the document that is kept, not in what is attested."""


@dataclass(frozen=True, slots=True)
class ScannedImage:
    """An image to scan: what messages call it, the reference that reports name, and its parts as they were pushed.

    `origin` is the image from elsewhere that it is based on; images with the same one share what is known of layers.
    `scanners` look for vulnerabilities; `listed_as` is the name and version by which its packages are listed.
    """

    subject: str
    reference: Reference
    platform: Platform
    manifest: Manifest
    config: bytes = field(repr=False)
    origin: str | None = None
    scanners: tuple[str, ...] = ("trivy",)
    listed_as: tuple[str, str] = ("image", "0")


@dataclass(frozen=True, slots=True)
class _Output:
    """What the scanners wrote about an image, from when to when, and the Java data that they needed."""

    started: datetime
    finished: datetime
    trivy: ImageReports
    java: JavaData | None
    grype: GrypeOutput | None

    @property
    def size(self) -> int:
        grype = len(self.grype.report) + len(self.grype.log) if self.grype else 0
        return len(self.trivy.image) + len(self.trivy.history) + grype


class ImageScanner:
    """Scans images with the data of a run, in the engine of their platform; those that differ in the architecture
    and volatile labels alone are scanned once."""

    def __init__(self, context: RunContext, data: ScannerData) -> None:
        self._context, self._data = context, data
        self._outputs = SharedResults[_Output](lambda output: output.size)

    async def scan(
        self, image: ScannedImage, packed: dagger.File, *, holds_java: bool
    ) -> tuple[Scan, bytes | None]:
        """What the scanners found, and their report on the image as it is published; none for a report that cannot be
        read. `holds_java` says that an earlier scan needed Java data. Waits for the limit of tools."""
        known = {name: await self._data.by(name).fetch() for name in image.scanners}
        tool, *beside = self._tools(known)
        try:
            history = history_text(image.config)
        except ValueError as fault:
            return _unread(tool, fault)

        async def run() -> _Output:
            async with self._context.limits.tools:
                self._context.tell(image.subject, ProgressState.SCAN)
                started = datetime.now(UTC)
                grype = await self._by_grype(image, packed, known["grype"]) if "grype" in known else None
                given = GivenImage(packed, history)
                trivy, java = await self._by_trivy(image, given, known.get("trivy"), holds_java=holds_java)
                return _Output(started, datetime.now(UTC), trivy, java, grype)

        asked = (*image.scanners, *image.listed_as, str(holds_java))
        output = await self._outputs.of(content_read(asked, image.manifest, image.config), run)
        config = image.manifest.config
        assert config
        try:
            report = output.trivy.image
            if output.grype is not None:
                matches = read_grype(output.grype.report, output.grype.log)
                report = joined(report, matches, alone="trivy" not in known)
            report = with_layers(report, image.manifest, image.config)
            report = with_own_config(report, image.config)
            report = with_secrets(report, output.trivy.history, HISTORY)
            scan = trivy_scan(report, tool, artifact=ARCHIVE)
            times = output.started, output.finished
            document = about(without_matches(report), image.reference, config.digest, *times)
        except ValueError as fault:
            return _unread(tool, fault, *beside)
        return replace(scan, java=output.java, beside=tuple(beside)), document

    def _tools(self, known: Mapping[str, Database]) -> list[Tool]:
        """The scanners with their data, and trivy without any where it looks for secrets only."""
        version = self._context.tools.version
        scanners = [Tool(n, version(n), data.updated, str(data.digest)) for n, data in known.items()]
        return scanners if "trivy" in known else [*scanners, Tool("trivy", version("trivy"))]

    async def _by_grype(self, image: ScannedImage, packed: dagger.File, database: Database) -> GrypeOutput:
        tools, client = self._context.tools, await self._context.engines.of(image.platform).client()
        listing = SyftListing(client, tools.image("syft"), *image.listed_as)
        data = await self._folder(image, database)
        grype = Grype(client, tools.image("grype"), data, archive_of(database))
        return await grype.scan(listing.documents(packed), image.subject)

    async def _by_trivy(
        self, image: ScannedImage, given: GivenImage, database: Database | None, *, holds_java: bool
    ) -> tuple[ImageReports, JavaData | None]:
        client = await self._context.engines.of(image.platform).client()
        folder = await self._folder(image, database) if database else None
        async with self._context.limits.scanner_caches.one() as number:
            cache = f"{image.origin}\n{number}" if image.origin else None
            scanner = Scanner(client, self._context.tools.image("trivy"), folder, cache)
            return await self._reports(scanner, image, given, holds_java=holds_java and bool(database))

    async def scan_sbom(
        self, reference: Reference, document: Any, before: Any, subject: str
    ) -> tuple[Scan, bytes] | None:
        """What the scanner finds in the bill of materials of an image that it has scanned `before`, as if it had
        scanned the image again, and that report. None where the document does not give the same answer, or where a
        report cannot be read."""
        tools, database = self._context.tools, await self._data.vulnerabilities.fetch()
        engine = self._context.engine  # a document is of no platform
        client = await engine.client()
        scanner = Scanner(client, tools.image("trivy"), await engine.folder(database.folder))
        started = datetime.now(UTC)
        report = await scanner.scan_sbom(compact(document).decode(), subject)
        tool = Tool("trivy", tools.version("trivy"), database.updated, str(database.digest))
        try:
            whole = as_on_image(load_report(report, "trivy"), before)
            if whole is None:
                return None
            config = Digest(str(before.get("ArtifactID")))
            made = about(compact(whole), reference, config, started, datetime.now(UTC))
            return trivy_scan(made, tool), made
        except ValueError:
            return None

    async def _reports(
        self, scanner: Scanner, image: ScannedImage, given: GivenImage, *, holds_java: bool
    ) -> tuple[ImageReports, JavaData | None]:
        """The scanner's reports, and the Java data that it needed.

        That data is large and few images need it, so it is fetched when the scanner needs it.
        """
        if not holds_java:
            try:
                return await scanner.scan(given, image.subject), None
            except JavaDataNeeded:
                self._context.tell(image.subject, ProgressState.SCAN, "again, with the Java data")
        if not self._data.java.offline and await self._data.java.find() is None:
            return await scanner.scan_without_java(given, image.subject), JavaData()
        database = await self._data.java.fetch()
        folder = await self._folder(image, database)
        reports = await scanner.scan(given, image.subject, java=folder)
        return reports, JavaData(str(database.digest), database.updated)

    async def _folder(self, image: ScannedImage, database: Database) -> dagger.Directory:
        return await self._context.engines.of(image.platform).folder(database.folder)


def _unread(tool: Tool, fault: ValueError, *beside: Tool) -> tuple[Scan, None]:
    """A scan whose report, or the image's own configuration, cannot be read."""
    return Scan(tool, (), (), unexamined=(f"the report cannot be read: {fault}",), beside=beside), None


def with_own_config(report: bytes, config: bytes) -> bytes:
    """Trivy's report, with the architecture and volatile labels of this configuration in place of those of the
    image that was scanned.

    Raises ValueError for anything but a report.
    """
    with _read_as_report():
        data, own, labels = json.loads(report), load_json(config).get("architecture"), volatile_labels(config)
        described = (data.get("Metadata") or {}).get("ImageConfig") or {}
        if own in (None, described.get("architecture", own)) and not labels:
            return report
        described |= {} if own is None else {"architecture": own}
        if labels:
            settings = described.get("config") or {}
            described["config"] = settings | {"Labels": (settings.get("Labels") or {}) | labels}
        return compact(data)


def with_layers(report: bytes, manifest: Manifest, config: bytes) -> bytes:
    """Trivy's report, with the layers' digests and ids that the image has in place of the archive's.

    Raises ValueError for anything but a report.
    """
    with _read_as_report():
        metadata = json.loads(report).get("Metadata") or {}
        layers = [str(layer.get("Digest")) for layer in metadata.get("Layers") or ()]
        ids = [str(id) for id in metadata.get("DiffIDs") or ()]
    digests = renamings(layers, [str(layer.digest) for layer in manifest.layers])
    return renamed(report, digests | renamings(ids, diff_ids(config)))


def about(
    report: bytes, reference: Reference, config: Digest, started: datetime, finished: datetime
) -> bytes:
    """Trivy's report, with the reference by digest and the configuration's digest in place of the archive's.

    A report that is older than the scan was `started` is what the engine knows of the same files by the same data: it
    holds for this image, and is of the time at which the engine answered, `finished`. Raises ValueError for anything
    but a report.
    """
    name, image = str(reference), str(config)
    with _read_as_report():
        data = json.loads(report)
        data |= {"ArtifactID": image, "ArtifactName": name}
        data["Metadata"] = (data.get("Metadata") or {}) | {"ImageID": image, "RepoDigests": [name]}
        for result in data.get("Results") or ():
            target = str(result.get("Target", ""))
            if target.startswith(ARCHIVE):
                result["Target"] = name + target.removeprefix(ARCHIVE)
            for finding in result.get("Vulnerabilities") or ():
                finding["Fingerprint"] = _fingerprint(image, result["Target"], finding)
        if datetime.fromisoformat(str(data["CreatedAt"])) < started:
            data["CreatedAt"] = _timestamp(finished)
        data[STARTED] = _timestamp(started)
        return compact(data)


def _timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC, to the microsecond."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


@contextmanager
def _read_as_report() -> Iterator[None]:
    """What is no report of trivy's is one error."""
    try:
        yield
    except RecursionError:
        raise ValueError("trivy: report is nested too deeply") from None
    except (KeyError, TypeError, AttributeError) as fault:
        raise ValueError(f"trivy: not a report: {fault!r}") from None


def _fingerprint(image: str, target: str, finding: Any) -> str:
    """As trivy computes it (pkg/fingerprint)."""
    parts = (image, target, str(finding.get("PkgID", "")), str(finding.get("VulnerabilityID", "")))
    return str(Digest.of(":".join(parts).encode()))
