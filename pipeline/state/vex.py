"""VEX documents that are attested on a digest: those count that the key signed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pipeline.model import Digest, Repository
from pipeline.model.json_document import DocumentFault
from pipeline.model.vex import Subject, VexDocument, read_vex
from pipeline.model.vex.openvex import CONTEXT
from pipeline.policy import VexEvidence
from pipeline.trust import Signatory, Statement
from pipeline.util.json.canonical import compact

from .attested import attested

if TYPE_CHECKING:
    from pipeline.registry import Registry

PREDICATES = (CONTEXT, "https://openvex.dev/ns")
"""OpenVEX's predicate type, and the one that `cosign attest --type openvex` writes."""


async def attested_vex(
    registry: Registry, repository: Repository, digest: Digest, key: Signatory, subject: Subject
) -> VexEvidence:
    """What is known of an image for VEX, with the documents that are attested on it. Raises RegistryError."""
    predicates = [
        predicate
        for type in PREDICATES
        async for predicate, verified in attested(registry, repository, digest, type, key)
        if verified
    ]
    return _evidence(subject, predicates, repository, digest)


def vex_of(
    statements: Iterable[Statement], repository: Repository, digest: Digest, subject: Subject
) -> VexEvidence:
    """The same, of verified statements."""
    predicates = [s.predicate for s in statements if s.predicate_type in PREDICATES]
    return _evidence(subject, predicates, repository, digest)


def _evidence(
    subject: Subject, predicates: Iterable[Mapping[str, Any]], repository: Repository, digest: Digest
) -> VexEvidence:
    origin = str(repository.at(digest))
    documents: list[VexDocument] = []
    faults: list[str] = []
    for predicate in predicates:
        try:
            documents.append(read_vex(compact(dict(predicate)), origin, attested=True))
        except DocumentFault as fault:
            faults.append(f"the VEX document that is attested on {origin}: {fault}")
    return VexEvidence(subject, tuple(documents), tuple(faults))
