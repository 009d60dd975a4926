"""The tools' own JSON reports -> evidence. Reports are untrusted: anything unexpected is a ValueError.

A report that cannot be read is no evidence that all is well: its reader's caller records it as not examined.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache

from pipeline.model import Digest, Severity
from pipeline.util.json.values import as_flag, as_integer, as_list, as_object, as_text, as_texts

from .cvss import cvss_of
from .evidence import Inventory, LeakedSecret, Scan, TestCase, TestReport, Tool
from .finding import Finding
from .packages import cyclonedx_packages
from .report_json import day_of, load_report

IMAGE_CONFIGURATION = "image configuration"
"""Where a secret is that is in no file: the environment, labels, history and so on of an image."""
_MAX_DETAIL = 4000
_MAX_KEY = 64
# The keys that are read here, and those beside them that are almost one of them.
_SCAN_KEYS = ("SchemaVersion", "ArtifactName", "ArtifactType", "Results")
_RESULT_KEYS = ("Target", "Class", "Type", "Packages", "Vulnerabilities", "Secrets", "Licenses")
_FINDING_KEYS = (
    *("VulnerabilityID", "PkgName", "PkgID", "PkgPath", "InstalledVersion", "FixedVersion"),
    *("Severity", "SeveritySource", "VendorSeverity", "Status", "Title"),
)
_SECRET_KEYS = ("RuleID", "Category", "Severity", "Title", "StartLine", "EndLine", "Code", "Match", "Layer")
_CASE_KEYS = ("Name", "Pass", "Errors", "Stdout", "Stderr", "Duration")
_REPORT_KEYS = ("Pass", "Fail", "Total", "Duration", "Results")
# CycloneDX 1.6, component.type
_COMPONENTS = frozenset(
    (
        *("application", "framework", "library", "container", "platform", "operating-system", "device"),
        *("device-driver", "firmware", "file", "machine-learning-model", "data", "cryptographic-asset"),
    )
)


def trivy_scan(raw: bytes, tool: Tool, *, artifact: str | None = None) -> Scan:
    """Read `trivy image|sbom --format json` (schema version 2).

    With `artifact`, it has to be the report on the image archive of this name. Of two findings with the same id,
    package and version, the worse counts.
    """
    report = load_report(raw, "trivy")
    version = report.get("SchemaVersion")
    if version != 2 or isinstance(version, bool | float):
        raise ValueError(f"trivy: schema version {str(version)[:40]!r}, expected 2")
    _no_misspelling(report, _SCAN_KEYS)
    if artifact is not None and (report.get("ArtifactName"), report.get("ArtifactType")) != (
        artifact,
        "container_image",
    ):
        raise ValueError(
            f"trivy: the report is on {str(report.get('ArtifactName'))[:80]!r}, not on {artifact}"
        )
    findings: dict[tuple[str, str, str], Finding] = {}
    secrets: list[LeakedSecret] = []
    for result in _objects(report, "Results"):
        _no_misspelling(result, _RESULT_KEYS)
        for vulnerability in _objects(result, "Vulnerabilities"):
            finding = _finding(vulnerability)
            key = (finding.id, finding.package, finding.version)
            findings[key] = _worse(findings.get(key), finding)
        for secret in _objects(result, "Secrets"):
            _no_misspelling(secret, _SECRET_KEYS)
            rule, severity = _required(secret, "RuleID"), Severity.parse(_required(secret, "Severity"))
            target = _text(result, "Target")
            place = IMAGE_CONFIGURATION if target == report.get("ArtifactName") else target
            secrets.append(LeakedSecret(rule, place, severity))
    ordered = sorted(findings.values(), key=lambda f: (-f.severity.rank, f.id, f.package))
    distribution, ended = _system(report)
    return Scan(tool, tuple(ordered), tuple(secrets), distribution=distribution, ended=ended)


def cyclonedx_inventory(
    documents: Mapping[str, bytes], tool: Tool, *, subject: tuple[str, str] | None = None
) -> Inventory:
    """What a CycloneDX document says in short; `documents` maps each format to its bytes.

    With `subject`, a name and a version, it has to be the document of that.
    """
    document = load_report(documents["cyclonedx-json"], "syft")
    if document.get("bomFormat") != "CycloneDX":
        raise ValueError("syft: not a CycloneDX document")
    if subject is not None:
        root = as_object(as_object(document.get("metadata")).get("component"))
        described = root.get("name"), root.get("version")
        if described != subject:
            raise ValueError(f"syft: the document describes {described!r:.160}, not {subject!r}")
    components = [*_objects(document, "components")]
    packages = 0
    for component in components:
        kind = as_text(component.get("type"))
        if kind not in _COMPONENTS:
            raise ValueError(f"syft: a component of the unknown type {kind[:40]!r}")
        packages += kind in ("library", "application")
    systems = (_text(c, "name") for c in components if c.get("type") == "operating-system")
    distributed = sum(any(map(_of_database, _objects(c, "properties"))) for c in components)
    digests = {name: str(Digest.of(raw)) for name, raw in sorted(documents.items())}
    serial = _text(document, "serialNumber")
    licensed = cyclonedx_packages(document)
    return Inventory(tool, packages, digests, next(systems, ""), serial, distributed, licensed=licensed)


def _of_database(entry: Mapping[str, object]) -> bool:
    """Whether a property is that of a package in a database: a program may say that it is one of Debian's, too."""
    return entry.get("name") == "syft:package:metadataType" and _text(entry, "value").endswith("-db-entry")


def structure_tests(raw: bytes, tool: Tool) -> TestReport:
    """Read `container-structure-test test -o json`: its results have to agree with its counts."""
    report = load_report(raw, "container-structure-test")
    _only(report, _REPORT_KEYS)
    counts = tuple(as_integer(_given(report, key)) for key in ("Pass", "Fail", "Total"))
    cases = tuple(map(_case, _objects(report, "Results")))
    passed = sum(case.passed for case in cases)
    if counts != (passed, len(cases) - passed, len(cases)):
        totals = "{} passed, {} failed, {} in all".format(*(str(count)[:20] for count in counts))
        raise ValueError(
            f"container-structure-test: {totals}, but {len(cases)} results, of which {passed} passed"
        )
    return TestReport(tool, cases)


def _case(result: Mapping[str, object]) -> TestCase:
    _only(result, _CASE_KEYS)
    name, passed = _required(result, "Name"), as_flag(_given(result, "Pass"))
    given = result.get("Errors")
    errors = [] if given is None else [_whole(as_text(error)) for error in as_list(given)]
    if passed and errors:
        raise ValueError(f"container-structure-test: {name[:80]!r} passed with errors")
    streams = [(key.lower(), _text(result, key).strip()) for key in ("Stdout", "Stderr")]
    output = [f"{key}: {text}" for key, text in streams if text]
    return TestCase(name, passed, "" if passed else "\n".join([*errors, *output])[:_MAX_DETAIL])


def _system(report: Mapping[str, object]) -> tuple[str | None, bool]:
    """The distribution as trivy recognizes it, empty for none, None without a word; and whether its end of life has
    come."""
    system = as_object(as_object(report.get("Metadata") or {}).get("OS") or {})
    family = _text(system, "Family")
    if not family:
        return None, False
    known = "" if family == "none" else f"{family} {_text(system, 'Name')}".strip()
    return known, "EOSL" in system and as_flag(system["EOSL"])


def _finding(vulnerability: Mapping[str, object]) -> Finding:
    _no_misspelling(vulnerability, _FINDING_KEYS)
    custom = as_object(vulnerability.get("Custom") or {})  # of scanners/join.py
    return Finding(
        id=_required(vulnerability, "VulnerabilityID"),
        package=_required(vulnerability, "PkgName"),
        version=_text(vulnerability, "InstalledVersion"),
        fixed=_text(vulnerability, "FixedVersion"),
        severity=Severity.parse(_required(vulnerability, "Severity")),
        title=_text(vulnerability, "Title")[:200],
        published=day_of(_text(vulnerability, "PublishedDate")),
        cvss=cvss_of(vulnerability)[0],
        purls=(_text(as_object(vulnerability.get("PkgIdentifier") or {}), "PURL"),),
        scanners=as_texts(custom.get("Scanners", [])),
        aliases=as_texts(custom.get("Aliases", [])),
    )


def _worse(one: Finding | None, other: Finding) -> Finding:
    """The graver of two reports of one finding: the higher severity and score, the earlier day or none. A fix that
    either names is there, and the packages are those of both."""
    if one is None:
        return other
    worse = max(one, other, key=lambda finding: finding.severity.rank)
    return replace(
        worse,
        fixed=worse.fixed or one.fixed or other.fixed,
        published=min(one.published, other.published),
        cvss=max(one.cvss or 0, other.cvss or 0) or None,
        purls=tuple(sorted({*one.purls, *other.purls})),
        scanners=tuple(sorted({*one.scanners, *other.scanners})),
        aliases=tuple(sorted({*one.aliases, *other.aliases})),
    )


def _objects(parent: Mapping[str, object], key: str) -> Iterator[Mapping[str, object]]:
    """The objects of a list; none where it is null or missing."""
    given = parent.get(key)
    return map(as_object, () if given is None else as_list(given))


def _given(parent: Mapping[str, object], key: str) -> object:
    if key not in parent:
        raise ValueError(f"{key} is missing")
    return parent[key]


def _required(parent: Mapping[str, object], key: str) -> str:
    text = _whole(as_text(_given(parent, key)))
    if not text.strip():
        raise ValueError(f"{key} is empty")
    return text


def _text(parent: Mapping[str, object], key: str) -> str:
    return _whole(as_text(parent.get(key, "")))


def _whole(text: str) -> str:
    """A text that can be written as UTF-8: JSON's escapes can make half a character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{text[:40]!r} is no Unicode text") from None
    return text


def _only(parent: Mapping[str, object], known: Collection[str]) -> None:
    for key in parent:
        if key not in known:
            raise ValueError(f"{key[:40]!r} is not a key of this report")


def _no_misspelling(parent: Mapping[str, object], known: tuple[str, ...]) -> None:
    """A later version of the tool may have more keys, but none that is almost one of these."""
    for key in parent:
        if key not in known and (meant := _almost(key, known)):
            raise ValueError(f"{key[:40]!r} is almost {meant}, and no key of this report")


@lru_cache(maxsize=1024)
def _almost(key: str, known: tuple[str, ...]) -> str | None:
    """The known key that another one is, but for upper case or a letter or two."""
    folded = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(key[:_MAX_KEY].casefold(), folded, n=1, cutoff=0.9)
    return folded[near[0]] if near else None
