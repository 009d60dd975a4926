"""What reports are made of: a run, or what the registry knows of the catalogue, with everything resolved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from datetime import date
from types import MappingProxyType

from pipeline.model import Ignore, Severity
from pipeline.policy import Effect, Evidence, Finding, JudgedFinding, Scan, Tool, Verdict
from pipeline.policy.scan_details import FindingDetails, ImageLayer, ScanDetails
from pipeline.util.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class FileLine:
    """A line (from 1) of a file below the checkout."""

    path: str
    line: int = 1


@dataclass(frozen=True, slots=True)
class ReportedFinding:
    """A finding, what the gate makes of it (None where no policy applies), and where it is.

    `first_seen` is the day of the first signed scan that has it, empty where that is unknown. `location` is the line
    of the instruction whose layer holds the package; `taken_out` says what lets it pass, why and until when.
    """

    finding: Finding
    effect: Effect | None = None
    ignore: Ignore | None = None
    details: FindingDetails = field(default_factory=FindingDetails)
    first_seen: str = ""
    layer: ImageLayer | None = None
    location: FileLine | None = None
    taken_out: str = ""

    @property
    def severity(self) -> Severity:
        """The finding's severity."""
        return self.finding.severity

    @property
    def since(self) -> str:
        """The day since when it is known: of the first scan that has it, else of its publication."""
        return self.first_seen or self.details.published

    @property
    def path(self) -> str:
        """The file that the package was found in; empty for packages of the distribution."""
        return self.details.places[0].path if self.details.places else ""

    @property
    def accepted(self) -> bool:
        """Whether somebody decided that it may pass: an entry of the policy, or a VEX statement."""
        return self.effect in (Effect.IGNORED, Effect.VEX)


@dataclass(frozen=True, slots=True)
class ReportedFault:
    """What failed: the message, its detail, and the next command."""

    subject: str
    message: str
    detail: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class TargetReport:
    """One target: one image tag for one platform.

    `repository` is the image's name in the first environment; `reference` its digest there, or in the repository of
    builds. `location` is the line of FROM, or the tag's entry in the catalogue. `verified` says of findings that are
    read from an image whether they are signed, and by whose key; None where they come from the run itself.
    """

    id: str
    image: str
    tag: str
    platform: str
    status: str
    reason: str = ""
    digest: str = ""
    repository: str = ""
    reference: str = ""
    seconds: float = 0.0
    evidence: Evidence | None = None
    verdicts: tuple[Verdict, ...] = ()
    findings: tuple[ReportedFinding, ...] = ()
    location: FileLine | None = None
    scan: ScanDetails = field(default_factory=ScanDetails)
    fault: ReportedFault | None = None
    verified: bool | None = None

    @property
    def name(self) -> str:
        """The image and its tag."""
        return f"{self.image}:{self.tag}" if self.tag else self.image

    @property
    def scanned(self) -> Scan | None:
        """What the scanner reported; None where it did not run."""
        return self.evidence.scan if self.evidence else None

    @property
    def tools(self) -> Iterator[tuple[str, Tool]]:
        """The tools that examined the image, by what they did."""
        evidence = self.evidence
        if evidence and evidence.scan:
            yield "scan", evidence.scan.tool
            for tool in evidence.scan.beside:
                yield ("scan-by-" + tool.name) if tool.data_digest else "secrets", tool
            if java := evidence.scan.java:  # the image holds Java archives
                yield "java", Tool("java-data", "known" if java.digest else "missing", java.date, java.digest)
        if evidence and evidence.inventory:
            yield "sbom", evidence.inventory.tool
        if evidence and evidence.tests:
            yield "tests", evidence.tests.tool

    @property
    def closed(self) -> tuple[Verdict, ...]:
        """The verdicts that close a gate."""
        return tuple(verdict for verdict in self.verdicts if not verdict.passed)


@dataclass(frozen=True, slots=True)
class ImageReport:
    """One image tag over all its platforms: its reference by digest, whether it is signed, and the tags it has."""

    name: str
    status: str
    reason: str = ""
    reference: str = ""
    signed: bool = False
    tags: tuple[str, ...] = ()
    fault: ReportedFault | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A run of `command`, ended at `made` (RFC 3339) with `exit_code`; `version` is that of the program."""

    project: str
    command: str
    version: str
    made: str
    day: date
    revision: str = ""
    exit_code: int = 0
    seconds: float = 0.0
    targets: tuple[TargetReport, ...] = ()
    images: tuple[ImageReport, ...] = ()

    @property
    def faults(self) -> tuple[ReportedFault, ...]:
        """What failed, of targets and then of image tags."""
        of_targets = [target.fault for target in self.targets if target.fault]
        return (*of_targets, *(image.fault for image in self.images if image.fault))

    def age(self, tool: Tool) -> int | None:
        """The age of a tool's data in days; None where it has none, or the day is unknown."""
        try:
            return (self.day - date.fromisoformat((tool.data_date or "")[:10])).days
        except ValueError:
            return None


def worst_first(findings: tuple[ReportedFinding, ...]) -> list[ReportedFinding]:
    """Findings by what they do to the gate, then by severity, then by id and package."""
    return sorted(
        findings,
        key=lambda f: (f.effect is not Effect.CLOSES, -f.severity.rank, f.finding.id, f.finding.package),
    )


def reported(
    finding: Finding | JudgedFinding,
    scan: ScanDetails,
    first_seen: str = "",
    locations: Mapping[int, FileLine] = MappingProxyType({}),
) -> ReportedFinding:
    """A finding, judged or not, with what the whole report knows of it; `locations` are lines by the number of a
    layer."""
    judged = finding if isinstance(finding, JudgedFinding) else None
    plain = judged.finding if judged else finding
    assert isinstance(plain, Finding)
    details = scan.of(plain)
    number = details.places[0].layer if details.places else 0
    return ReportedFinding(
        plain,
        judged.effect if judged else None,
        judged.ignore if judged else None,
        details,
        first_seen,
        scan.layers[number - 1] if 0 < number <= len(scan.layers) else None,
        locations.get(number),
        judged.why if judged else "",
    )
