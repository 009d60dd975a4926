"""The packages that a document lists, and what differs between two lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.util.dataclass import dataclass

from .cyclonedx import packages


@dataclass(frozen=True, slots=True)
class PackageChange:
    """One package by its package URL without a version, else by name: its versions before and after, if any."""

    package: str
    before: tuple[str, ...]
    after: tuple[str, ...]

    def __str__(self) -> str:
        if not self.before:
            return f"+ {self.package} {', '.join(self.after)}"
        if not self.after:
            return f"- {self.package} {', '.join(self.before)}"
        return f"~ {self.package} {', '.join(self.before)} -> {', '.join(self.after)}"


def packages_of(document: Any) -> dict[str, tuple[str, ...]]:
    """The versions of each package that a CycloneDX document lists. Raises ValueError, KeyError or TypeError."""
    if document.get("bomFormat") != "CycloneDX":
        raise ValueError("not a CycloneDX document")
    versions_of: dict[str, list[str]] = {}
    for each in packages(document):
        name = str(each.get("purl") or "").partition("@")[0] or str(each["name"])
        versions_of.setdefault(name, []).append(str(each.get("version") or ""))
    return {name: tuple(sorted(versions)) for name, versions in sorted(versions_of.items())}


def changes(
    before: Mapping[str, tuple[str, ...]], after: Mapping[str, tuple[str, ...]]
) -> Iterator[PackageChange]:
    """What differs, in the order of names."""
    for name in sorted(before.keys() | after.keys()):
        change = PackageChange(name, before.get(name, ()), after.get(name, ()))
        if change.before != change.after:
            yield change
