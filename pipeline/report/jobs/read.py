"""`report.json` read back. Another job wrote it, perhaps for a fork: whatever is no report is a ValueError.

Texts stay as they are, for each format escapes them. What a format writes without escaping (digests, days, addresses,
names of gates) is accepted in its own form alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from pipeline.model import Digest, Ignore, Severity
from pipeline.policy import (
    Effect,
    Evidence,
    Finding,
    GateState,
    Inventory,
    LeakedSecret,
    Scan,
    TestCase,
    TestReport,
    Tool,
    Verdict,
)
from pipeline.policy.evidence import JavaData
from pipeline.policy.report_json import load_report
from pipeline.policy.scan_details import FindingDetails, ImageLayer, PackagePlace, ScanDetails, is_web_address
from pipeline.policy.verdict import GATES
from pipeline.util.json.values import (
    as_flag,
    as_integer,
    as_list,
    as_literal,
    as_object,
    as_optional_text,
    as_text,
    as_texts,
)

from ..data import FORMAT_VERSION
from ..values import FileLine, ImageReport, Report, ReportedFault, ReportedFinding, TargetReport

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_BESIDE = "scan-by-"
_MAX_NUMBER = 10**12


def read_report(raw: bytes) -> Report:
    """The report. Raises ValueError."""
    data = load_report(raw, "lockage")
    try:
        if as_integer(data["format_version"]) != FORMAT_VERSION:
            raise ValueError(f"format_version is not {FORMAT_VERSION}")
        made = as_text(data["made"])
        return Report(
            as_text(data["project"]),
            as_text(data["command"]),
            as_text(data["lockage"]),
            made,
            date.fromisoformat(made[:10]),
            as_text(data["revision"]),
            _count(data["exit_code"]),
            _seconds(data["seconds"]),
            tuple(_target(as_object(target)) for target in as_list(data["targets"])),
            tuple(_image(as_object(image)) for image in as_list(data["images"])),
        )
    except KeyError as missing:
        raise ValueError(f"not a report: {missing} is missing") from None


def _target(data: Mapping[str, object]) -> TargetReport:
    id = as_text(data["id"])
    digest, verified = as_optional_text(data["digest"]), data["verified"]
    return TargetReport(
        id,
        as_text(data["image"]),
        as_text(data["tag"]),
        as_text(data["platform"]),
        as_text(data["status"]),
        as_text(data["reason"]),
        Digest(digest).value if digest else "",
        reference=as_optional_text(data["reference"]) or "",
        seconds=_seconds(data["seconds"]),
        evidence=_evidence(data),
        verdicts=tuple(_verdict(as_object(verdict)) for verdict in as_list(data["verdicts"])),
        findings=tuple(_finding(as_object(entry)) for entry in as_list(data["findings"] or ())),
        location=_location(data["location"]),
        scan=ScanDetails(
            as_optional_text(data["scanned"]) or "", as_optional_text(data["distribution"]) or ""
        ),
        fault=_fault(id, data["error"]),
        verified=None if verified is None else as_flag(verified),
    )


def _evidence(data: Mapping[str, object]) -> Evidence | None:
    tools = {stage: _tool(as_object(tool)) for stage, tool in as_object(data["tools"]).items()}
    size, packages = data["size"], data["packages"]
    if not tools and size is None:
        return None
    return Evidence(
        0 if size is None else _count(size),
        None if packages is None else Inventory(tools["sbom"], _count(packages), {}),
        _scan(data, tools) if data["findings"] is not None else None,
        _tests(as_list(data["tests"]), tools["tests"]) if data["tests"] is not None else None,
    )


def _scan(data: Mapping[str, object], tools: Mapping[str, Tool]) -> Scan:
    findings = (_plain(as_object(entry)) for entry in as_list(data["findings"]))
    java = tools.get("java")
    return Scan(
        tools["scan"],
        tuple(findings),
        tuple(_secret(as_object(secret)) for secret in as_list(data["secrets"])),
        JavaData(java.data_digest, java.data_date) if java else None,
        beside=tuple(t for stage, t in tools.items() if stage.startswith(_BESIDE) or stage == "secrets"),
    )


def _tests(cases: list[object] | tuple[object, ...], tool: Tool) -> TestReport:
    read = (as_object(case) for case in cases)
    return TestReport(
        tool,
        tuple(
            TestCase(as_text(case["name"]), as_flag(case["passed"]), as_text(case["detail"])) for case in read
        ),
    )


def _secret(data: Mapping[str, object]) -> LeakedSecret:
    return LeakedSecret(as_text(data["rule"]), as_text(data["path"]), _severity(data))


def _tool(data: Mapping[str, object]) -> Tool:
    return Tool(
        as_text(data["name"]),
        as_text(data["version"]),
        as_optional_text(data["data_date"]),
        as_optional_text(data["data_digest"]),
    )


def _verdict(data: Mapping[str, object]) -> Verdict:
    return Verdict(
        as_literal(data["gate"], *GATES),
        GateState(as_text(data["state"])),
        as_texts(data["reasons"]),
        as_texts(data["notes"]),
    )


def _finding(data: Mapping[str, object]) -> ReportedFinding:
    effect, ignore, layer = data["effect"], data["ignore"], data["layer"]
    return ReportedFinding(
        _plain(data),
        Effect(as_text(effect)) if effect is not None else None,
        Ignore.from_json(as_object(ignore)) if ignore is not None else None,
        _details(data),
        _day(data["first_seen"]),
        _layer(as_object(layer)) if layer is not None else None,
        _location(data["location"]),
        as_optional_text(data["taken_out"]) or "",
    )


def _plain(data: Mapping[str, object]) -> Finding:
    return Finding(
        as_text(data["id"]),
        as_text(data["package"]),
        as_text(data["installed"]),
        as_optional_text(data["fixed"]) or "",
        _severity(data),
        as_text(data["title"]),
        scanners=as_texts(data.get("scanners", ())),
        aliases=as_texts(data.get("aliases", ())),
    )


def _details(data: Mapping[str, object]) -> FindingDetails:
    cvss, url = data["cvss"], as_optional_text(data["url"]) or ""
    if url and not is_web_address(url):
        raise ValueError(f"{url[:60]!r} is no web address")
    return FindingDetails(
        tuple(PackagePlace(path) for path in as_texts(data["paths"])),
        as_optional_text(data["ecosystem"]) or "",
        purl=as_optional_text(data["purl"]) or "",
        published=_day(data["published"]),
        url=url,
        cvss=None if cvss is None else _seconds(cvss),
    )


def _layer(data: Mapping[str, object]) -> ImageLayer:
    return ImageLayer(as_text(data["diff_id"]), as_text(data["created_by"]))


def _image(data: Mapping[str, object]) -> ImageReport:
    name = as_text(data["name"])
    return ImageReport(
        name,
        as_text(data["status"]),
        as_text(data["reason"]),
        as_optional_text(data["reference"]) or "",
        as_flag(data["signed"]),
        as_texts(data["tags"]),
        _fault(name, data["error"]),
    )


def _fault(subject: str, value: object) -> ReportedFault | None:
    if value is None:
        return None
    data = as_object(value)
    return ReportedFault(subject, as_text(data["message"]), as_text(data["detail"]), as_text(data["hint"]))


def _location(value: object) -> FileLine | None:
    if value is None:
        return None
    data = as_object(value)
    return FileLine(as_text(data["path"]), _count(data["line"]))


def _severity(data: Mapping[str, object]) -> Severity:
    return Severity.parse(as_text(data["severity"]))


def _day(value: object) -> str:
    day = as_optional_text(value) or ""
    if day and not _DAY.fullmatch(day):
        raise ValueError(f"{day[:40]!r} is no day")
    return day


def _count(value: object) -> int:
    number = as_integer(value)
    if not 0 <= number < 2**53:
        raise ValueError(f"{number} is no count")
    return number


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _MAX_NUMBER:
        raise ValueError(f"a number from 0 is expected, not {value!r:.60}")
    return float(value)
