"""The packages of a bill of materials (CycloneDX), with their licences. Documents are untrusted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pipeline.util.dataclass import dataclass
from pipeline.util.json.values import as_list, as_object, as_text, as_texts

from .report_json import objects, text

_KINDS = ("library", "application")
_LONGEST_LICENSE = 1000  # characters: what is longer is a text and no name, and its beginning is kept


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
    return tuple(sorted(packages, key=_order))


def packages_to_json(packages: Iterable[Package]) -> list[object]:
    """Packages as data: those with the same licenses together, each as ecosystem, name and version."""
    groups: dict[tuple[str, ...], list[list[str]]] = {}
    for package in packages:
        groups.setdefault(package.licenses, []).append([package.ecosystem, package.name, package.version])
    return [{"licenses": list(names), "packages": groups[names]} for names in sorted(groups)]


def packages_from_json(data: Iterable[object]) -> tuple[Package, ...]:
    """Read what `packages_to_json` wrote. Raises ValueError and KeyError."""
    packages = []
    for group in map(as_object, data):
        licenses = as_texts(group["licenses"])
        for entry in map(as_list, as_list(group["packages"])):
            ecosystem, name, version = map(as_text, entry)
            packages.append(Package(name, version, ecosystem, licenses))
    return tuple(sorted(packages, key=_order))


def _order(package: Package) -> tuple[str, ...]:
    return (package.ecosystem, package.name, package.version, *package.licenses)


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
        if license_text := text(choice, "expression") or text(license, "id") or text(license, "name"):
            yield license_text if len(license_text) <= _LONGEST_LICENSE else f"{license_text[:100]}…"
