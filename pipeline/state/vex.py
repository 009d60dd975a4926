"""VEX documents that are attested on an image or its index: those count that the key signed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pipeline.model import Digest, Reference, Repository
from pipeline.model.json_document import DocumentFault
from pipeline.model.vex import VexDocument, VexSubject, read_vex
from pipeline.model.vex.openvex import CONTEXT
from pipeline.policy import VexEvidence
from pipeline.trust import CYCLONEDX, Signatory, Statement
from pipeline.util.json.canonical import compact

from .attested import attested

if TYPE_CHECKING:
    from pipeline.registry import Registry

PREDICATES = (CONTEXT, "https://openvex.dev/ns", CYCLONEDX)
"""OpenVEX's predicate type, the one that `cosign attest --type openvex` writes, and CycloneDX's."""


async def attested_vex(
    registry: Registry, repository: Repository, digests: Iterable[Digest], key: Signatory, subject: VexSubject
) -> VexEvidence:
    """What is known of an image for VEX, with the documents that are attested on these digests: its own, and those of
    indexes that list it. Raises RegistryError."""
    documents = [
        (repository.at(digest), predicate)
        for digest in digests
        for type in PREDICATES
        async for predicate, verified in attested(registry, repository, digest, type, key)
        if verified and _is_vex(type, predicate)
    ]
    return _evidence(subject, documents)


def vex_of(statements: Iterable[Statement], repository: Repository, subject: VexSubject) -> VexEvidence:
    """The same, of verified statements."""
    documents = [
        (repository.at(s.subject), s.predicate) for s in statements if _is_vex(s.predicate_type, s.predicate)
    ]
    return _evidence(subject, documents)


def _is_vex(type: str, predicate: Mapping[str, Any]) -> bool:
    """CycloneDX has one predicate type for bills of materials and VEX."""
    return type in PREDICATES and (type != CYCLONEDX or "vulnerabilities" in predicate)


def _evidence(subject: VexSubject, predicates: Iterable[tuple[Reference, Mapping[str, Any]]]) -> VexEvidence:
    documents: list[VexDocument] = []
    faults: list[str] = []
    for origin, predicate in predicates:
        try:
            documents.append(read_vex(compact(dict(predicate)), str(origin), attested=True))
        except DocumentFault as fault:
            faults.append(f"the VEX document that is attested on {origin}: {fault}")
    return VexEvidence(subject, tuple(documents), tuple(faults))
