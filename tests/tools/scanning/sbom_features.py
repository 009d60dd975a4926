"""What sbomqs 2 looks at in a CycloneDX document: its published features (SBOMQS-2.0-SPEC.md of interlynk-io/sbomqs),
as we read them. The tool cannot be had where the project is developed, so this is no score of its own. Left out: the
schema, which has a test, and deprecated and restrictive licences, which are the business of packages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from license_expression import get_spdx_licensing

_SPDX = get_spdx_licensing()


def features(document: Any) -> Mapping[str, float]:
    """The share of the document's components that has each feature; 0 or 1 for those of the document itself."""
    components, metadata = document["components"], document["metadata"]
    edges = document["dependencies"]
    linked = {ref for edge in edges for ref in (edge["ref"], *edge.get("dependsOn", ()))}
    declared = {ref for composition in document["compositions"] for ref in composition["assemblies"]}

    def share(having: Callable[[Any], Any]) -> float:
        return sum(bool(having(c)) for c in components) / len(components) if components else 1.0

    of_components: dict[str, Callable[[Any], Any]] = {
        "name": lambda c: c.get("name"),
        "version": lambda c: c.get("version"),
        "identifier": lambda c: c.get("bom-ref"),
        "checksum": lambda c: c.get("hashes"),
        "SHA-256": lambda c: [h for h in c.get("hashes", ()) if h["alg"] == "SHA-256"],
        "dependencies": lambda c: c["bom-ref"] in linked,
        "source code": lambda c: [r for r in c.get("externalReferences", ()) if r["type"] == "vcs"],
        "supplier": lambda c: c.get("supplier"),
        "purpose": lambda c: c.get("type"),
        "licence": lambda c: c.get("licenses"),
        "valid licence": _valid,
        "purl": lambda c: c.get("purl"),
        "cpe": lambda c: c.get("cpe"),
    }
    of_document = {
        "time": metadata.get("timestamp"),
        "author": metadata.get("manufacturer") or metadata.get("authors"),
        "tool and version": all(tool["name"] and tool["version"] for tool in metadata["tools"]["components"]),
        "supplier of the document": metadata.get("supplier"),
        "namespace": document["serialNumber"].startswith("urn:uuid:"),
        "lifecycle": metadata.get("lifecycles"),
        "signature": document.get("signature"),
        "completeness declared": metadata["component"]["bom-ref"] in declared,
        "primary component": metadata["component"]["name"],
        "licence of the document": metadata.get("licenses"),
        "specification": (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6"),
    }
    return {name: share(having) for name, having in of_components.items()} | {
        name: float(bool(value)) for name, value in of_document.items()
    }


def _valid(component: Any) -> bool:
    licences = component.get("licenses", [])
    texts = [entry.get("expression") or entry["license"].get("id") for entry in licences]
    return bool(texts) and all(text and not _SPDX.validate(text).errors for text in texts)
