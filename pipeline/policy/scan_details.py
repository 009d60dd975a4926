"""What trivy's whole report knows beyond the findings that gates judge: where a package is, dates, links, scores.

The record of a target holds findings in short form; the report itself is one of its documents, and is read from there
when somebody wants to see more. Reports are untrusted: anything unexpected is a ValueError.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field, replace
from types import MappingProxyType

from pipeline.util.dataclass import dataclass
from pipeline.util.json.canonical import compact
from pipeline.util.json.values import as_list, as_object

from .cvss import cvss_of
from .finding import Finding
from .report_json import day_of, load_report, objects, text

MAX_PLACES = 20
"""Places of one finding that are kept."""
_MAX_DESCRIPTION = 4000  # characters
_WEB = re.compile(r"https?://[^\s<>\"'`\\^{|}\x00-\x20\x7f-\uffff]+\Z")

FindingKey = tuple[str, str, str]
"""Id, package and version: what makes two findings of one image the same."""


def is_web_address(text: str) -> bool:
    """Whether a text is an address that reports may link to."""
    return len(text) <= 2000 and _WEB.match(text) is not None


def key_of(finding: Finding) -> FindingKey:
    """The key of a finding."""
    return finding.id, finding.package, finding.version


@dataclass(frozen=True, slots=True)
class ImageLayer:
    """One layer of the image that was scanned: its diff id, and the instruction in the image's history."""

    diff_id: str
    created_by: str = ""


@dataclass(frozen=True, slots=True)
class PackagePlace:
    """Where a package is: the file that names it (empty for the distribution's packages), and the number of the
    layer that has it, from 1; 0 where that is unknown."""

    path: str = ""
    layer: int = 0


@dataclass(frozen=True, slots=True)
class FindingDetails:
    """What else is known of a finding. `ecosystem` is `debian`, `jar` and so on; `system` for packages of the
    distribution; `published` is a day (ISO 8601); texts are empty where nothing is known."""

    places: tuple[PackagePlace, ...] = ()
    ecosystem: str = ""
    system: bool = False
    purl: str = ""
    published: str = ""
    url: str = ""
    description: str = ""
    cvss: float | None = None
    vector: str = ""


@dataclass(frozen=True, slots=True)
class ScanDetails:
    """A whole report: when the scan was made (RFC 3339), the distribution, layers, history, and findings by key.

    `history` has an entry for each instruction, and whether it made a layer.
    """

    scanned: str = ""
    distribution: str = ""
    layers: tuple[ImageLayer, ...] = ()
    history: tuple[tuple[str, bool], ...] = ()
    findings: Mapping[FindingKey, FindingDetails] = field(default_factory=lambda: MappingProxyType({}))

    def of(self, finding: Finding) -> FindingDetails:
        """The details of a finding; empty ones where the report does not have it."""
        return self.findings.get(key_of(finding)) or FindingDetails()


def scan_details(raw: bytes) -> ScanDetails:
    """Read `trivy image --format json` (schema version 2). Raises ValueError."""
    report = load_report(raw, "trivy")
    metadata = as_object(report.get("Metadata") or {})
    system = as_object(metadata.get("OS") or {})
    history = tuple(_history(as_object(metadata.get("ImageConfig") or {})))
    layers = tuple(_layers(as_list(metadata.get("DiffIDs") or []), history))
    numbers = {layer.diff_id: number for number, layer in enumerate(layers, 1)}
    by_key: dict[FindingKey, FindingDetails] = {}
    for result in objects(report, "Results"):
        for entry in objects(result, "Vulnerabilities"):
            key = text(entry, "VulnerabilityID"), text(entry, "PkgName"), text(entry, "InstalledVersion")
            place = _place(entry, result, numbers)
            known = by_key.get(key)
            if known is None:
                by_key[key] = _details(entry, result, place)
            elif place not in known.places and len(known.places) < MAX_PLACES:
                by_key[key] = replace(known, places=(*known.places, place))
    return ScanDetails(
        scanned=text(report, "CreatedAt"),
        distribution=f"{text(system, 'Family')} {text(system, 'Name')}".strip(),
        layers=layers,
        history=history,
        findings=by_key,
    )


def with_history(details: ScanDetails, config: bytes) -> ScanDetails:
    """The same report with the history of the image's own configuration (OCI image-spec v1.1, config.md).

    Scanners see an image as an archive, whose history may be another one. Raises ValueError.
    """
    data = load_report(config, "image configuration")
    history = tuple(_history(data))
    ids = as_list(as_object(data.get("rootfs") or {}).get("diff_ids") or [])
    if [layer.diff_id for layer in details.layers] != list(ids):
        return details
    return replace(details, history=history, layers=tuple(_layers(ids, history)))


def without_matches(raw: bytes) -> bytes:
    """A report without the text around each secret, which trivy masks in part only; other reports stay as they are."""
    report = load_report(raw, "trivy")
    removed = False
    for result in objects(report, "Results"):
        for secret in objects(result, "Secrets"):
            removed = True
            for name in ("Match", "Code"):
                secret.pop(name, None)
    return compact(report) if removed else raw


def _details(
    entry: Mapping[str, object], result: Mapping[str, object], place: PackagePlace
) -> FindingDetails:
    score, vector = cvss_of(entry)
    return FindingDetails(
        places=(place,),
        ecosystem=text(result, "Type"),
        system=result.get("Class") == "os-pkgs",
        purl=text(as_object(entry.get("PkgIdentifier") or {}), "PURL"),
        published=day_of(text(entry, "PublishedDate")),
        url=_web(text(entry, "PrimaryURL")),
        description=sys.intern(
            text(entry, "Description")[:_MAX_DESCRIPTION]
        ),  # many images have the same findings
        cvss=score,
        vector=vector,
    )


def _place(
    entry: Mapping[str, object], result: Mapping[str, object], numbers: Mapping[str, int]
) -> PackagePlace:
    """The package's own file; a lock file or binary that names it is the target of its result."""
    path = text(entry, "PkgPath")
    if not path and result.get("Class") == "lang-pkgs" and "/" in text(result, "Target"):
        path = text(result, "Target")
    layer = as_object(entry.get("Layer") or {})
    return PackagePlace(path, numbers.get(text(layer, "DiffID"), 0))


def _history(config: Mapping[str, object]) -> Iterator[tuple[str, bool]]:
    for entry in objects(config, "history"):
        yield text(entry, "created_by"), not entry.get("empty_layer")


def _layers(diff_ids: Iterable[object], history: tuple[tuple[str, bool], ...]) -> Iterator[ImageLayer]:
    """The layers with their instructions, where the history has as many as there are layers."""
    ids = list(map(str, diff_ids))
    created = [created_by for created_by, makes_layer in history if makes_layer]
    if len(created) != len(ids):
        created = [""] * len(ids)
    for diff_id, created_by in zip(ids, created, strict=True):
        yield ImageLayer(diff_id, created_by)


def _web(address: str) -> str:
    """An address that a report may link to; anything else (javascript:, spaces, quotes) is left out."""
    return address if is_web_address(address) else ""
