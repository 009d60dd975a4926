"""OpenVEX 0.2.0 (openvex/spec, OPENVEX-SPEC.md)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..json_document import JsonNode
from .limits import MAX_PRODUCTS, MAX_STATEMENTS
from .purl import PackageUrl
from .statement import VexProduct, VexStatement, VexStatus

CONTEXT = "https://openvex.dev/ns/v0.2.0"
_JUSTIFICATIONS = (
    "component_not_present",
    "vulnerable_code_not_present",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "inline_mitigations_already_exist",
)
_TIMES = ("timestamp", "last_updated")
_DOCUMENT = ("@context", "@id", "author", "role", *_TIMES, "version", "tooling", "supplier", "statements")
_STATEMENT = (
    *("@id", "version", *_TIMES, "vulnerability", "products", "status", "supplier", "status_notes"),
    *("justification", "impact_statement", "action_statement", "action_statement_timestamp"),
)
_VULNERABILITY = ("@id", "name", "description", "aliases")
_COMPONENT = ("@id", "identifiers", "hashes", "supplier")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def read_openvex(document: JsonNode, *, attested: bool) -> Iterator[VexStatement]:
    """The statements of a document. Raises DocumentFault."""
    context = document.required("@context")
    if context != CONTEXT:
        raise document.fault(f"{context[:80]!r} is not {CONTEXT}", "@context")
    document.only(_DOCUMENT)
    for key in ("@id", "author", "timestamp"):
        document.required(key)
    statements = document.children("statements", MAX_STATEMENTS)
    if not statements:
        raise document.fault("statements is missing or empty")
    for statement in statements:
        yield _statement(statement, attested=attested)


def _statement(node: JsonNode, *, attested: bool) -> VexStatement:
    node.only(_STATEMENT)
    status = _status(node)
    reason = node.text("justification")
    if reason and reason not in _JUSTIFICATIONS:
        known = ", ".join(_JUSTIFICATIONS)
        raise node.fault(f"{reason[:60]!r} is not a justification ({known})", "justification")
    impact = node.text("impact_statement")
    if status is VexStatus.NOT_AFFECTED and not reason and not impact:
        raise node.fault("not_affected needs a justification or an impact_statement")
    products = [_product(product) for product in node.children("products", MAX_PRODUCTS)]
    if not products and not attested:
        raise node.fault("products is missing or empty")
    return VexStatement(
        _vulnerabilities(node.child("vulnerability")),
        status,
        reason or impact or status,
        tuple(products) or None,
    )


def _status(node: JsonNode) -> VexStatus:
    text = node.required("status")
    try:
        return VexStatus(text)
    except ValueError:
        raise node.fault(f"{text[:40]!r} is not a status ({', '.join(VexStatus)})", "status") from None


def _vulnerabilities(node: JsonNode) -> frozenset[str]:
    node.only(_VULNERABILITY)
    return frozenset((node.required("name"), *node.texts("aliases")))


def _product(node: JsonNode) -> VexProduct:
    node.only((*_COMPONENT, "subcomponents"))
    subcomponents = node.children("subcomponents", MAX_PRODUCTS)
    packages = []
    for component in subcomponents:
        component.only(_COMPONENT)
        purl = _purl(component)
        if purl is None:
            raise component.fault("has no package URL (@id or identifiers.purl)")
        packages.append(purl)
    purl = _purl(node)
    digests = _digests(node)
    if (
        purl
        and purl.type == "oci"
        and not digests
        and not purl.version
        and "repository_url" not in purl.qualifiers
    ):
        raise node.fault("names neither digest nor repository_url: any image of that name would be meant")
    return VexProduct(purl, digests, tuple(packages))


def _purl(node: JsonNode) -> PackageUrl | None:
    identifiers = node.mapping("identifiers")
    given = node.text("@id")
    text, place = (
        (identifiers["purl"], ("identifiers", "purl")) if "purl" in identifiers else (given, ("@id",))
    )
    if not text.startswith("pkg:"):
        return None  # an IRI or a CPE: another tool may know what it is
    try:
        return PackageUrl.parse(text)
    except ValueError as fault:
        raise node.fault(str(fault), *place) from None


def _digests(node: JsonNode) -> frozenset[str]:
    hashes = node.mapping("hashes")
    if "sha-256" not in hashes:
        return frozenset()
    if not _SHA256.fullmatch(hashes["sha-256"]):
        raise node.fault("is not a SHA-256 in hexadecimal", "hashes", "sha-256")
    return frozenset({f"sha256:{hashes['sha-256']}"})
