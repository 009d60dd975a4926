"""Grype's JSON report: its matches, in the terms that trivy's report has for them.

Reports are untrusted: anything unexpected is a ValueError.

Severities, fixes and scores are grype's; identifiers are those of a match and of the vulnerabilities that it relates to
(a GHSA's CVE, the CVEs of a distribution's advisory).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipeline.model import Severity
from pipeline.util.dataclass import dataclass
from pipeline.util.json.values import as_list, as_object, as_text, as_texts

from ..report_json import load_report, objects, text

_SYSTEM_TYPES = frozenset({"deb", "rpm", "apk", "alpm", "portage"})
# The type of a package in grype's report -> in trivy's.
_TYPES = {
    "python": "python-pkg",
    "npm": "node-pkg",
    "java-archive": "jar",
    "jenkins-plugin": "jar",
    "go-module": "gobinary",
    "gem": "gemspec",
    "rust-crate": "rustbinary",
    "dotnet": "dotnet-core",
}
_SEVERITIES = {"negligible": Severity.LOW, "": Severity.UNKNOWN}
_NO_DATA = (
    "no OS found in the DB for the given criteria",
    "Unable to determine the OS distribution of some packages",
)
_STATES = {"fixed": "fixed", "wont-fix": "will_not_fix", "not-fixed": "affected"}


@dataclass(frozen=True, slots=True)
class Match:
    """One match. `ids` begin with its own; `type` is trivy's word, that of the distribution for its packages, which are
    `system`; `path` is the file that names the package, `layer` the diff id that has it; `cvss` is by source, as trivy
    has it."""

    ids: tuple[str, ...]
    package: str
    version: str
    purl: str
    type: str
    system: bool
    severity: Severity
    fixed: str = ""
    status: str = ""
    path: str = ""
    layer: str = ""
    url: str = ""
    description: str = ""
    cvss: tuple[tuple[str, dict[str, object]], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What its findings are called: each CVE, or its own id where there is none."""
        return tuple(id for id in self.ids if id.startswith("CVE-")) or self.ids[:1]


@dataclass(frozen=True, slots=True)
class GrypeReport:
    """A report's matches; `distribution`, its name and version, as grype knows it; `ended` where its data says that it
    has ended, `unknown` where there are packages of a distribution that grype has no data for."""

    matches: tuple[Match, ...]
    distribution: tuple[str, str] = ("", "")
    ended: bool = False
    unknown: bool = False


def read_grype(raw: bytes, log: str = "") -> GrypeReport:
    """Read `grype --output json`, and its log of the level `debug`: only that says what grype has no data for."""
    report = load_report(raw, "grype")
    if as_object(report.get("descriptor") or {}).get("name") != "grype" or "matches" not in report:
        raise ValueError("grype: not a report")
    distro = as_object(report.get("distro") or {})
    name = text(distro, "name")
    unknown = any(words in log for words in _NO_DATA)
    alerts = (alert for entry in objects(report, "alertsByPackage") for alert in objects(entry, "alerts"))
    ended = any(alert.get("type") == "distro-eol" for alert in alerts)
    matches = (_match(match, name) for match in map(as_object, as_list(report["matches"])))
    return GrypeReport(tuple(matches), (name, text(distro, "version")), ended, unknown)


def _match(match: Mapping[str, object], distribution: str) -> Match:
    try:
        vulnerability, package = as_object(match["vulnerability"]), as_object(match["artifact"])
        related = [*objects(match, "relatedVulnerabilities")]
        fix = as_object(vulnerability.get("fix") or {})
        kind = as_text(package["type"])
        place = next(objects(package, "locations"), {})
        system = kind in _SYSTEM_TYPES
        return Match(
            ids=tuple(dict.fromkeys(_filled(entry, "id") for entry in (vulnerability, *related))),
            package=_name(package, kind),
            version=as_text(package["version"]),
            purl=text(package, "purl"),
            type=(distribution or kind) if system else _TYPES.get(kind, kind),
            system=system,
            severity=_severity(text(vulnerability, "severity")),
            fixed=", ".join(as_texts(fix.get("versions") or [])),
            status=_STATES.get(text(fix, "state"), "affected"),
            path="" if system else text(place, "path").removeprefix("/"),
            layer=text(place, "layerID"),
            url=text(vulnerability, "dataSource"),
            description=text(vulnerability, "description")
            or next((d for r in related if (d := text(r, "description"))), ""),
            cvss=tuple(_scores([vulnerability, *related])),
        )
    except KeyError as missing:
        raise ValueError(f"grype: a match lacks {missing}") from None


def _filled(entry: Mapping[str, object], key: str) -> str:
    value = as_text(entry[key])
    if not value.strip():
        raise ValueError(f"grype: {key} is empty")
    return value


def _severity(word: str) -> Severity:
    return _SEVERITIES.get(word.lower()) or Severity.parse(word)


def _name(package: Mapping[str, object], kind: str) -> str:
    """Maven's artifacts with their group, as trivy names them."""
    name, purl = _filled(package, "name"), text(package, "purl")
    parts = purl.removeprefix("pkg:maven/").partition("@")[0].split("/")
    maven = kind in ("java-archive", "jenkins-plugin") and purl.startswith("pkg:maven/") and len(parts) == 2
    return ":".join(parts) if maven else name


def _scores(
    entries: list[Mapping[str, object]] | list[dict[str, object]],
) -> Iterator[tuple[str, dict[str, object]]]:
    """Scores by source; the vulnerability's own before those of what it relates to."""
    for entry in entries:
        by_source: dict[str, dict[str, object]] = {}
        for cvss in objects(entry, "cvss"):
            version = {"4": "V40", "3": "V3", "2": "V2"}.get(text(cvss, "version")[:1])
            score = as_object(cvss.get("metrics") or {}).get("baseScore")
            if version and isinstance(score, int | float) and not isinstance(score, bool):
                source = _source(text(cvss, "source"))
                scored: dict[str, object] = {
                    f"{version}Score": score,
                    f"{version}Vector": text(cvss, "vector"),
                }
                by_source.setdefault(source, {}).update(scored)
        yield from by_source.items()


def _source(name: str) -> str:
    return "nvd" if name == "nvd@nist.gov" else name or "grype"
