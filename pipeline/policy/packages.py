"""The packages of a bill of materials (CycloneDX), with their licences. Documents are untrusted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipeline.util.json.values import as_object

from .report_json import objects, text

_KINDS = ("library", "application")


@dataclass(frozen=True, slots=True)
class Package:
    """One package; `ecosystem` is the type of its purl (`deb`, `pypi`), empty where it has none."""

    name: str
    version: str
    ecosystem: str = ""
    licenses: tuple[str, ...] = ()


def cyclonedx_packages(data: object) -> tuple[Package, ...]:
    """The packages of a document by ecosystem, name and version. Raises ValueError for anything else."""
    document = as_object(data)
    if document.get("bomFormat") != "CycloneDX":
        raise ValueError("not a CycloneDX document")
    packages = {
        _package(component)
        for component in objects(document, "components")
        if component.get("type") in _KINDS
    }
    return tuple(sorted(packages, key=lambda package: (package.ecosystem, package.name, package.version)))


def _package(component: Mapping[str, object]) -> Package:
    group, name = text(component, "group"), text(component, "name")
    purl = text(component, "purl")
    ecosystem = purl.removeprefix("pkg:").partition("/")[0] if purl.startswith("pkg:") else ""
    return Package(
        f"{group}/{name}" if group else name,
        text(component, "version"),
        ecosystem,
        tuple(sorted(set(_licenses(component)))),
    )


def _licenses(component: Mapping[str, object]) -> Iterator[str]:
    """Identifiers, names and expressions (CycloneDX 1.6, licenses)."""
    for choice in objects(component, "licenses"):
        license = as_object(choice.get("license") or {})
        if found := text(choice, "expression") or text(license, "id") or text(license, "name"):
            yield found
