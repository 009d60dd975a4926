"""A CycloneDX 1.6 document of an image: syft's, with subject, suppliers, hashes and the edges from the image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from .facts import ImageFacts, package_id
from .subject import EDITION, SbomSubject
from .supplier import Supplier

SPECIFICATION = "http://cyclonedx.org/schema/bom-1.6.schema.json"
PROGRAM = "lockage-sbom"
_TRIVY = "aquasecurity:trivy:"
_SYFT_LABEL = "syft:image:labels:"
_NOT_PACKAGES = ("operating-system", "file")
_ALGORITHMS = {"MD5": "MD5", "SHA1": "SHA-1", "SHA256": "SHA-256", "SHA512": "SHA-512"}


def document(subject: SbomSubject, serial: UUID, tools: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """A document about a subject without components; `tools` have made it besides this program."""
    us = {"type": "application", "name": PROGRAM, "version": str(EDITION)}
    supplier = Supplier(subject.supplier, organization=True).cyclonedx
    return {
        "$schema": SPECIFICATION,
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": serial.urn,
        "version": 1,
        "metadata": {
            "timestamp": subject.time,
            "lifecycles": [{"phase": "post-build"}],
            "tools": {"components": [*tools, us]},
            "manufacturer": supplier,
            "supplier": supplier,
            "licenses": [{"license": {"id": "CC0-1.0"}}],
            "component": component(subject),
        },
    }


def component(subject: SbomSubject) -> dict[str, Any]:
    """An image or index as a component."""
    return {
        "bom-ref": subject.purl,
        "type": "container",
        "supplier": Supplier(subject.supplier, organization=True).cyclonedx,
        "name": subject.name,
        "version": subject.tag,
        "hashes": [{"alg": "SHA-256", "content": subject.digest.hex}],
        "purl": subject.purl,
    }


def complete_cyclonedx(
    made: Any, subject: SbomSubject, serial: UUID, facts: ImageFacts, labels: Mapping[str, str]
) -> dict[str, Any]:
    """Syft's document, completed; `labels` are those that an archive may be without."""
    components = [_completed(each, facts) for each in made.get("components") or ()]
    whole = document(subject, serial, made["metadata"]["tools"]["components"])
    properties = _properties(made["metadata"].get("properties") or [], labels)
    whole["metadata"] |= {"properties": properties} if properties else {}
    edges = {entry["ref"]: sorted(entry.get("dependsOn") or ()) for entry in made.get("dependencies") or ()}
    refs = [each["bom-ref"] for each in components]
    edges[subject.purl] = list(_roots(refs, edges))
    whole["components"] = components
    whole["dependencies"] = [{"ref": ref, "dependsOn": edges[ref]} for ref in sorted(edges)]
    # What belongs to no package is not listed, and nothing says how much that is.
    whole["compositions"] = [{"aggregate": "unknown", "assemblies": [subject.purl]}]
    return whole


def suppliers_of(made: Any) -> dict[str, Supplier]:
    """Who supplies the packages of syft's document by id, as far as they say."""
    suppliers = {}
    for each in packages(made):
        author = each.get("author") or next((a.get("name") for a in each.get("authors") or ()), None)
        rpm = str(each.get("purl", "")).startswith("pkg:rpm/")  # its publisher is the vendor
        supplier = Supplier.parse(str(each.get("publisher") or author or ""), organization=rpm)
        if supplier:
            suppliers[package_id(each["bom-ref"])] = supplier
    return suppliers


def ids(made: Any) -> set[str]:
    """The packages of syft's document by id."""
    return {package_id(each["bom-ref"]) for each in packages(made)}


def kinds(made: Any) -> dict[str, str]:
    """What kind of component each package is, by id."""
    return {package_id(each["bom-ref"]): str(each["type"]) for each in packages(made)}


def packages(made: Any) -> Iterator[Any]:
    """The components of a document that are packages."""
    return (each for each in made.get("components") or () if each.get("type") not in _NOT_PACKAGES)


def _properties(made: Sequence[Any], labels: Mapping[str, str]) -> list[Any]:
    """The properties of the image, in the order of their names as syft writes them."""
    added = {f"{_SYFT_LABEL}{name}": value for name, value in labels.items()}
    kept = [each for each in made if each["name"] not in added]
    of_labels = [{"name": name, "value": value} for name, value in added.items()]
    return sorted([*kept, *of_labels], key=lambda each: str(each["name"])) if added else kept


def _completed(each: Any, facts: ImageFacts) -> Any:
    if each.get("type") == "operating-system" and facts.distribution:
        return each | {"supplier": facts.distribution.supplier.cyclonedx}
    id = package_id(each["bom-ref"])
    if each.get("type") == "file":
        return each | {"bom-ref": facts.files.get(id, id)}
    supplier, package = facts.suppliers.get(id), facts.packages.get(id)
    added: dict[str, Any] = {"supplier": supplier.cyclonedx} if supplier else {}
    hashes = [
        {"alg": _ALGORITHMS[checksum["algorithm"]], "content": checksum["checksumValue"]}
        for checksum in facts.checksums.get(id, ())
        if checksum["algorithm"] in _ALGORITHMS
    ]
    if hashes and not each.get("hashes"):
        added["hashes"] = hashes
    if package and package.properties:
        trivy = [{"name": f"{_TRIVY}{name}", "value": text} for name, text in package.properties.items()]
        added["properties"] = [*(each.get("properties") or ()), *trivy]
    return each | added


def _roots(refs: Sequence[str], edges: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """What the image depends on directly: what nothing else depends on, and one of each circle that nothing reaches."""
    needed = {ref for below in edges.values() for ref in below}
    reached: set[str] = set()
    for ref in sorted(refs, key=lambda ref: (ref in needed, ref)):
        if ref not in reached:
            _reach(ref, edges, reached)
            yield ref


def _reach(ref: str, edges: Mapping[str, Iterable[str]], reached: set[str]) -> None:
    pending = [ref]
    while pending:
        ref = pending.pop()
        if ref not in reached:
            reached.add(ref)
            pending += edges.get(ref, ())
