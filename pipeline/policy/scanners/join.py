"""Findings of grype in trivy's report: what both report of one package is one finding, with who reported it.

Two findings are one if they are about the same package (by its package URL) and share an id or an alias. The higher
severity counts; a fix that either names is there, and the scores are those of both. `Custom` of a vulnerability, which
trivy leaves to others, says who reported it and its other ids.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import unquote

from pipeline.model import Severity
from pipeline.util.json.canonical import compact
from pipeline.util.json.values import as_list, as_object

from ..report_json import load_report, objects, text
from .grype import GrypeReport, Match

_Entry = dict[str, object]
_Package = tuple[str, str, str]
_SYSTEM_TYPES = frozenset({"deb", "rpm", "apk", "alpm"})
_EPOCH = re.compile(r"\d+:")
_OF_THE_PACKAGE = {
    "ID": "PkgID",
    "Name": "PkgName",
    "FilePath": "PkgPath",
    "Identifier": "PkgIdentifier",
    "Layer": "Layer",
}
"""What a finding repeats of its package in trivy's report."""


def joined(report: bytes, grype: GrypeReport, *, alone: bool) -> bytes:
    """Trivy's report on an image with the findings of grype on it. With grype `alone`, trivy looked for secrets only,
    and the distribution is as grype knows it. Raises ValueError."""
    data = load_report(report, "trivy")
    join = _Join(data, " ".join(filter(None, grype.distribution)))
    for match in grype.matches:
        join.add(match)
    metadata = dict(as_object(data.get("Metadata") or {}))
    system = _system(as_object(metadata.get("OS") or {}), grype, alone=alone)
    data["Metadata"] = {**metadata, "OS": system} if system else metadata
    return compact(data)


def _system(system: Mapping[str, object], grype: GrypeReport, *, alone: bool) -> Mapping[str, object]:
    """The distribution; none that is known where a scanner that counts has no data for it."""
    if alone and grype.distribution[0]:
        system = dict(zip(("Family", "Name"), grype.distribution, strict=True))
    if grype.unknown:
        return {"Family": "none"}
    return {**system, "EOSL": True} if grype.ended and system else system


def package_key(purl: str, name: str, version: str) -> _Package:
    """What makes a package of two reports the same: type, name and version of its package URL, without what tools write
    differently (a distribution's name, an epoch, Go's `v`, Python's separators)."""
    if not purl.startswith("pkg:"):
        return "", name, version
    kind, _, rest = purl.removeprefix("pkg:").partition("?")[0].partition("#")[0].partition("/")
    path, _, number = rest.rpartition("@")
    path, number = unquote(path), unquote(number)
    if kind in _SYSTEM_TYPES:
        return kind, path.rpartition("/")[2], _EPOCH.sub("", number, count=1)
    if kind == "pypi":
        return kind, re.sub(r"[-_.]+", "-", path).lower(), number
    return kind, path, number.removeprefix("v") if kind == "golang" else number


class _Join:
    """A report of trivy's that grows."""

    def __init__(self, report: dict[str, object], distribution: str) -> None:
        self._report, self._place = report, f"{text(report, 'ArtifactName')} ({distribution})"
        self._known: dict[tuple[_Package, str], list[_Entry]] = defaultdict(list)
        self._packages: dict[_Package, list[tuple[_Entry, _Entry]]] = defaultdict(list)
        self._added: dict[tuple[_Package, str, str], _Entry] = {}
        self._results: dict[tuple[str, str], _Entry] = {}
        for result in objects(report, "Results"):
            for package in objects(result, "Packages"):
                key = package_key(
                    _purl(package, "Identifier"), text(package, "Name"), text(package, "Version")
                )
                self._packages[key].append((result, package))
            for entry in objects(result, "Vulnerabilities"):
                entry["Custom"] = {"Scanners": ["trivy"]}
                for id in _ids(entry):
                    self._known[_key(entry), id].append(entry)

    def add(self, match: Match) -> None:
        """Join one match: with every finding that it shares an id with, and as one of its own for what is left."""
        key = package_key(match.purl, match.package, match.version)
        covered: set[str] = set()
        for entry in _distinct(entry for id in match.ids for entry in self._known[key, id]):
            own = text(entry, "VulnerabilityID")
            if own in match.names and _is_grype_s(entry):
                continue  # the same finding, maybe in another place
            _merge(entry, match)
            others = {id for id in match.ids if not (own.startswith("CVE-") and id.startswith("CVE-"))}
            covered |= {own, *others}
        for id in match.names:
            if id not in covered:
                self._append(key, id, match)

    def _append(self, key: _Package, id: str, match: Match) -> None:
        before = self._added.get((key, id, match.path))
        if before is not None:
            _merge(before, match)
            return
        entry = _entry(id, match)
        places = self._packages.get(key, [])
        result, package = next(((r, p) for r, p in places if text(p, "FilePath") == match.path), (None, None))
        if result is None and places:
            result, package = places[0]
        if package is not None:
            entry |= {name: package[key] for key, name in _OF_THE_PACKAGE.items() if key in package}
        if result is None:
            result = self._own_result(match)
        listed = result.get("Vulnerabilities")
        if not isinstance(listed, list):
            result["Vulnerabilities"] = listed = []
        listed.append(entry)
        self._added[key, id, match.path] = entry
        for name in match.ids:
            self._known[key, name].append(entry)

    def _own_result(self, match: Match) -> _Entry:
        """A result for packages that trivy does not list, as trivy would call it."""
        place = self._place if match.system else match.type
        kind = "os-pkgs" if match.system else "lang-pkgs"
        if (kind, place) not in self._results:
            made: _Entry = {"Target": place, "Class": kind, "Type": match.type}
            self._results[kind, place] = made
            self._report["Results"] = [*as_list(self._report.get("Results") or []), made]
        return self._results[kind, place]


def _key(entry: _Entry) -> _Package:
    purl = _purl(entry, "PkgIdentifier")
    return package_key(purl, text(entry, "PkgName"), text(entry, "InstalledVersion"))


def _purl(entry: _Entry, name: str) -> str:
    return text(as_object(entry.get(name) or {}), "PURL")


def _ids(entry: _Entry) -> Iterator[str]:
    """The ids of one of trivy's findings: its own and those of vendors."""
    yield text(entry, "VulnerabilityID")
    yield from map(str, as_list(entry.get("VendorIDs") or []))


def _is_grype_s(entry: _Entry) -> bool:
    return as_object(entry["Custom"])["Scanners"] == ["grype"]


def _distinct(entries: Iterable[_Entry]) -> list[_Entry]:
    return list({id(entry): entry for entry in entries}.values())


def _aliases(own: str, ids: Iterable[str]) -> list[str]:
    """The other ids of a finding. A CVE is never another one's: an advisory may be about several."""
    others = {id for id in ids if id != own}
    return sorted(id for id in others if not (own.startswith("CVE-") and id.startswith("CVE-")))


def _merge(entry: _Entry, match: Match) -> None:
    """Add to a finding what grype says of it."""
    custom = as_object(entry["Custom"])
    own = text(entry, "VulnerabilityID")
    ids = [*_ids(entry), *match.ids, *map(str, as_list(custom.get("Aliases") or []))]
    entry["Custom"] = _custom({*map(str, as_list(custom["Scanners"])), "grype"}, _aliases(own, ids))
    if match.severity.rank > Severity.parse(text(entry, "Severity")).rank:
        entry["Severity"] = str(match.severity)
    if match.fixed and not text(entry, "FixedVersion"):
        entry |= {"FixedVersion": match.fixed, "Status": "fixed"}
    cvss = dict(match.cvss) | as_object(entry.get("CVSS") or {})
    if cvss:
        entry["CVSS"] = cvss


def _custom(scanners: Iterable[str], aliases: list[str]) -> dict[str, object]:
    return {"Scanners": sorted(scanners), **({"Aliases": aliases} if aliases else {})}


def _entry(id: str, match: Match) -> _Entry:
    """A finding of grype's alone, as trivy would write it."""
    texts = {
        "PkgPath": match.path,
        "FixedVersion": match.fixed,
        "PrimaryURL": match.url,
        "Description": match.description,
    }
    return {
        "VulnerabilityID": id,
        "PkgID": f"{match.package}@{match.version}",
        "PkgName": match.package,
        "InstalledVersion": match.version,
        "Status": match.status,
        "Severity": str(match.severity),
        **{name: value for name, value in texts.items() if value},
        **({"PkgIdentifier": {"PURL": match.purl}} if match.purl else {}),
        **({"Layer": {"DiffID": match.layer}} if match.layer else {}),
        **({"CVSS": dict(match.cvss)} if match.cvss else {}),
        "Custom": _custom(["grype"], _aliases(id, match.ids)),
    }
