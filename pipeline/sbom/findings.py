"""Trivy's report on a bill of materials, as its report on the image itself would be.

Where trivy reads the same packages in the document as it saw in the image, new advisories concern the same packages
too; only where they are is in the earlier report alone. Anything else would be a guess, and the image is scanned.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_OF_THE_SCAN = ("ReportID", "CreatedAt", "Trivy")
# What trivy takes from a package into its findings: the package's key -> the finding's.
_OF_THE_PACKAGE = {
    "ID": "PkgID",
    "FilePath": "PkgPath",
    "Identifier": "PkgIdentifier",
    "Layer": "Layer",
}
_Identity = tuple[str, ...]
_Package = tuple[str, str, str]  # kind, name, whole version


def as_on_image(listed: Any, image: Any) -> dict[str, Any] | None:
    """The report `listed`, on a bill of materials, as one on the image whose earlier report is `image`; secrets and
    whatever else is not about vulnerabilities stay as they were found there.

    None where the document has another distribution or other packages than the scanner saw in the image. Raises
    ValueError for anything but reports.
    """
    try:
        if listed.get("ArtifactType") != "cyclonedx":
            raise ValueError("trivy: not a report on a CycloneDX document")
        if not _same_distribution(listed, image) or _packages(listed) != _packages(image):
            return None
        judged = _findings(listed)
        made = image | {key: listed[key] for key in _OF_THE_SCAN if key in listed}
        made["Metadata"] = _with_end_of_life(image.get("Metadata") or {}, listed.get("Metadata") or {})
        if results := image.get("Results"):
            made["Results"] = [_judged_again(result, judged) for result in results]
        return dict(made)
    except (KeyError, TypeError, AttributeError) as fault:
        raise ValueError(f"trivy: not a report: {fault!r}") from None


def _with_end_of_life(metadata: Any, listed: Any) -> dict[str, Any]:
    """The metadata of the image, whose distribution may have reached its end of life since."""
    known, system, made = listed.get("OS") or {}, dict(metadata.get("OS") or {}), dict(metadata)
    system.pop("EOSL", None)
    if system:
        made["OS"] = system | ({"EOSL": known["EOSL"]} if "EOSL" in known else {})
    return made


def _same_distribution(listed: Any, image: Any) -> bool:
    """Whether both are of one release: `12` of a document is the `12.5` of the image, whose advisories are those of
    `12`."""
    ours, theirs = ((report.get("Metadata") or {}).get("OS") or {} for report in (listed, image))
    release, whole = str(ours.get("Name", "")), str(theirs.get("Name", ""))
    return ours.get("Family") == theirs.get("Family") and f"{whole}.".startswith(f"{release}.")


def _packages(report: Any) -> set[_Identity]:
    return {
        _identity(result, package)
        for result in report.get("Results") or ()
        for package in result.get("Packages") or ()
    }


def _identity(result: Any, package: Any) -> _Identity:
    """What advisories are looked up by: kind, name, version, those of the source package, and RPM's module."""
    source = _version(package, "Src")
    names = result["Type"], package["Name"], package.get("SrcName", ""), package.get("Modularitylabel", "")
    return (*map(str, names), _version(package), source)


def _version(package: Any, of: str = "") -> str:
    """A whole version: from a package database, trivy keeps its epoch and release apart."""
    epoch, version, release = (package.get(f"{of}{part}") for part in ("Epoch", "Version", "Release"))
    return f"{f'{epoch}:' if epoch else ''}{version or ''}{f'-{release}' if release else ''}"


def _findings(listed: Any) -> Mapping[_Package, Sequence[Any]]:
    """The findings on each package, each once: a document may list a package for every place it is in."""
    by_package: dict[_Package, dict[str, Any]] = defaultdict(dict)
    for result in listed.get("Results") or ():
        for finding in result.get("Vulnerabilities") or ():
            package = str(result["Type"]), str(finding["PkgName"]), str(finding["InstalledVersion"])
            by_package[package].setdefault(str(finding["VulnerabilityID"]), finding)
    return {package: tuple(findings.values()) for package, findings in by_package.items()}


def _judged_again(result: Any, judged: Mapping[_Package, Sequence[Any]]) -> dict[str, Any]:
    """A result of the earlier report with the findings of today on its packages."""
    if "Packages" not in result:
        return dict(result)
    kept = {key: value for key, value in result.items() if key != "Vulnerabilities"}
    findings = list(_on_packages(result, judged))
    return {**kept, "Vulnerabilities": findings} if findings else kept


def _on_packages(result: Any, judged: Mapping[_Package, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    for package in result["Packages"] or ():
        for finding in judged.get((str(result["Type"]), package["Name"], _version(package)), ()):
            others = {k: v for k, v in finding.items() if k not in _OF_THE_PACKAGE.values()}
            place = {name: package[key] for key, name in _OF_THE_PACKAGE.items() if key in package}
            yield {**others, **place}
