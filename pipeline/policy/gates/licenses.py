"""The licenses gate: each package's license against those allowed and denied."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from enum import IntEnum
from fnmatch import fnmatchcase

from pipeline.model.gates import LicenseException, LicenseGate
from pipeline.model.license import License, Licenses, parse_license
from pipeline.util.dataclass import dataclass

from ..packages import Package
from .judgement import Judgement, listed


class LicenseStatus(IntEnum):
    """What a license is by the policy, the best first."""

    ALLOWED = 0
    UNKNOWN = 1
    NOT_ALLOWED = 2
    DENIED = 3


_TEXTS = {LicenseStatus.NOT_ALLOWED: "is not allowed", LicenseStatus.DENIED: "is denied"}


@dataclass(frozen=True, slots=True)
class JudgedPackage:
    """A package, what its license is by the policy, and the exception that covers it, or did until it expired."""

    package: Package
    status: LicenseStatus
    exception: LicenseException | None = None
    valid: bool = False

    def __str__(self) -> str:
        package = self.package
        text = f"{package.name} {package.version}".strip()
        licenses = " AND ".join(_grouped(license) for license in package.licenses)
        if self.status is LicenseStatus.UNKNOWN:
            return f"{text} ({licenses[:200] or 'no license'})"
        return f"{text}: {licenses[:200]} {_TEXTS.get(self.status, 'is allowed')}"


def judge_licenses(packages: Iterable[Package] | None, gate: LicenseGate, today: date) -> Judgement:
    """The judgement of an image's packages; None where nobody has recorded their licenses."""
    if packages is None:
        missed = "the licenses of its packages are not in its record: lockage sbom lists them again"
        return Judgement(unexamined=(missed,))
    reasons: list[str] = []
    notes: list[str] = []
    unknown: list[str] = []
    for package in packages:
        judged = judge_package(package, gate, today)
        entry = judged.exception
        if judged.status is LicenseStatus.ALLOWED:
            continue
        if judged.valid and entry:
            notes.append(f"{judged}, excepted until {entry.expires} by {entry.owner}: {entry.reason}")
            continue
        expired = f"; the exception of {entry.owner} expired on {entry.expires}" if entry else ""
        if judged.status is LicenseStatus.UNKNOWN:
            unknown.append(f"{judged}{expired}")
        else:
            reasons.append(f"{judged}{expired}")
    if unknown and gate.unknown == "fail":
        reasons += [f"{text}: its license is unknown" for text in unknown]
    elif unknown and gate.unknown == "warn":
        notes.append(f"{len(unknown)} packages without a license that the policy knows: {listed(unknown)}")
    return Judgement(tuple(reasons), tuple(notes))


def judge_package(package: Package, gate: LicenseGate, today: date) -> JudgedPackage:
    """What a package's license is by the policy. Several licenses all hold: SBOMs list those of its parts."""
    statuses = [_status(parse_license(text), gate) for text in package.licenses]
    status = max(statuses, default=LicenseStatus.UNKNOWN)
    entries = [entry for entry in gate.exceptions if _covers(entry, package)]
    valid = next((entry for entry in entries if today <= entry.expires), None)
    return JudgedPackage(package, status, valid or next(iter(entries), None), valid is not None)


def _status(license: License | Licenses | None, gate: LicenseGate) -> LicenseStatus:
    if license is None:
        return LicenseStatus.UNKNOWN
    if isinstance(license, Licenses):
        parts = [_status(part, gate) for part in license.parts]
        return min(parts) if license.operator == "OR" else max(parts)
    for text in (str(license), license.id):  # the license with its exception first
        if _named(text, gate.deny):
            return LicenseStatus.DENIED
        if _named(text, gate.allow):
            return LicenseStatus.ALLOWED
    if not license.listed:
        return LicenseStatus.UNKNOWN
    return LicenseStatus.NOT_ALLOWED if gate.allow else LicenseStatus.ALLOWED


def _named(license: str, patterns: Iterable[str]) -> bool:
    return any(_matches(license, pattern) for pattern in patterns)


def _matches(license: str, pattern: str) -> bool:
    if "*" in pattern:
        return fnmatchcase(license.casefold(), pattern.casefold())
    return license == str(parse_license(pattern))


def _covers(entry: LicenseException, package: Package) -> bool:
    if not fnmatchcase(package.name, entry.package):
        return False
    own = {str(parse_license(text)) for text in package.licenses}
    return entry.license is None or bool(own & {entry.license, str(parse_license(entry.license))})


def _grouped(expression: str) -> str:
    return f"({expression})" if isinstance(parse_license(expression), Licenses) else expression
