"""VEX in CycloneDX 1.4 to 1.6: `vulnerabilities` with an `analysis`, and the components that they affect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from ..json_document import JsonNode
from .limits import MAX_COMPONENTS, MAX_PRODUCTS, MAX_STATEMENTS
from .purl import PackageUrl
from .statement import VexProduct, VexStatement, VexStatus

_STATES = {
    "resolved": VexStatus.FIXED,
    "resolved_with_pedigree": VexStatus.FIXED,
    "not_affected": VexStatus.NOT_AFFECTED,
    "false_positive": VexStatus.NOT_AFFECTED,
    "exploitable": VexStatus.AFFECTED,
    "in_triage": VexStatus.UNDER_INVESTIGATION,
}
_JUSTIFICATIONS = (
    *("code_not_present", "code_not_reachable", "requires_configuration", "requires_dependency"),
    *("requires_environment", "protected_by_compiler", "protected_at_runtime", "protected_at_perimeter"),
    "protected_by_mitigating_control",
)
_VERSIONS = ("1.4", "1.5", "1.6")


def read_cyclonedx(document: JsonNode) -> Iterator[VexStatement]:
    """The statements of a document; vulnerabilities without an analysis state nothing. Raises DocumentFault."""
    version = document.required("specVersion")
    if version not in _VERSIONS:
        raise document.fault(f"{version[:20]!r} is not {', '.join(_VERSIONS)}", "specVersion")
    vulnerabilities = document.children("vulnerabilities", MAX_STATEMENTS)
    if not vulnerabilities:
        raise document.fault("vulnerabilities is missing or empty: it states nothing")
    components = _components(document)
    for vulnerability in vulnerabilities:
        if "analysis" in vulnerability:
            yield _statement(vulnerability, components)


def _components(document: JsonNode) -> Mapping[str, str]:
    """The package URL of each component by its bom-ref, empty where it has none."""
    root = document.child("metadata").child("component")
    nodes = [root, *document.children("components", MAX_COMPONENTS)]
    return {ref: node.text("purl") for node in nodes if (ref := node.text("bom-ref"))}


def _statement(node: JsonNode, components: Mapping[str, str]) -> VexStatement:
    analysis = node.child("analysis")
    analysis.only(("state", "justification", "response", "detail", "firstIssued", "lastUpdated"))
    state = analysis.required("state")
    if state not in _STATES:
        raise analysis.fault(f"{state[:40]!r} is not a state ({', '.join(_STATES)})", "state")
    reason = analysis.text("justification")
    if reason and reason not in _JUSTIFICATIONS:
        known = ", ".join(_JUSTIFICATIONS)
        raise analysis.fault(f"{reason[:60]!r} is not a justification ({known})", "justification")
    detail = analysis.text("detail")
    if state == "not_affected" and not reason and not detail:
        raise analysis.fault("not_affected needs a justification or a detail")
    affects = node.children("affects", MAX_PRODUCTS)
    if not affects:
        raise node.fault("affects is missing or empty: it is about no component")
    status = _STATES[state]
    products = [product for affected in affects for product in _products(affected, components, status)]
    aliases = [reference.required("id") for reference in node.children("references", MAX_PRODUCTS)]
    ids = frozenset((node.required("id"), *aliases))
    return VexStatement(ids, status, reason or detail or state, tuple(products))


def _products(node: JsonNode, components: Mapping[str, str], status: VexStatus) -> Iterator[VexProduct]:
    """What an entry of `affects` means; nothing for a component of another document."""
    ref = node.required("ref")
    text = components.get(ref)
    if text is None and ref.startswith("urn:cdx:"):
        text = unquote(ref.partition("#")[2])
        text = components.get(text, text if text.startswith("pkg:") else "")
    if text is None and ref.startswith("pkg:"):
        text = ref
    if text is None:
        raise node.fault(f"{ref[:80]!r} is no component of this document", "ref")
    if not text:
        return
    try:
        purl = PackageUrl.parse(text)
    except ValueError as fault:
        raise node.fault(str(fault), "ref") from None
    versions = node.children("versions", MAX_PRODUCTS)
    if not versions or not status.opens:
        yield VexProduct(purl)
    for version in versions if status.opens else ():  # only what is named as unaffected is taken out
        if version.text("version") and version.text("status") == "unaffected":
            yield VexProduct(
                PackageUrl(purl.type, purl.namespace, purl.name, version.text("version"), purl.qualifiers)
            )
