"""The evidence of an index, made of that of its platforms: whoever has the tag alone finds packages and findings."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pipeline.errors import LockageError
from pipeline.model import Platform, Reference
from pipeline.sbom import PlatformDocuments, SbomSubject, index_documents
from pipeline.sbom.complete import MAX_ATTESTED
from pipeline.trust import CYCLONEDX, SPDX, VULNERABILITIES, Statement
from pipeline.util.dataclass import dataclass
from pipeline.util.json.canonical import compact

from .statements import BILLS, document_kinds, kind_of

if TYPE_CHECKING:
    from pipeline.state.record import Record

_LISTS = {CYCLONEDX: "components", SPDX: "packages"}  # where the documents list packages
_COMMON = ("SchemaVersion", "ArtifactType", "Trivy")  # fields of trivy's report that are of no platform


@dataclass(frozen=True, slots=True)
class PlatformEvidence:
    """A platform with its record, and the statements about it that are attested."""

    platform: Platform
    record: Record
    statements: Sequence[Statement]


def index_evidence(subject: SbomSubject, platforms: Sequence[PlatformEvidence]) -> Iterator[Statement]:
    """The bills of materials of an index and its findings.

    Raises LockageError for a platform whose packages were never listed.
    """
    known = [_by_kind(each) for each in platforms]
    documents = [_documents(subject, *pair) for pair in zip(platforms, known, strict=True)]
    made = index_documents(subject, documents)
    for kind, name in BILLS.items():
        yield Statement(subject.digest, kind, json.loads(made[name]))
    findings = [
        (each.platform, predicates[VULNERABILITIES])
        for each, predicates in zip(platforms, known, strict=True)
        if VULNERABILITIES in predicates
    ]
    if len(findings) == len(platforms):
        yield from index_findings(subject.reference, findings)


def index_findings(
    index: Reference, platforms: Iterable[tuple[Platform, Mapping[str, Any]]]
) -> Iterator[Statement]:
    """The findings of an index: those of all platforms, each result with its platform before its target, and without
    the packages, which the bills of materials list.

    Scanner and data are those of the platform with the oldest data, so that nobody takes them for newer than they are.
    None for findings that nobody could attest.
    """
    assert index.digest
    ordered = sorted(platforms, key=lambda pair: str(pair[0]))
    try:
        oldest = min(
            (attested["scanner"] for _, attested in ordered), key=lambda scanner: scanner["db"]["version"]
        )
        times = [attested["metadata"] for _, attested in ordered]
        finished = max(time["scanFinishedOn"] for time in times)
        systems = [attested["scanner"]["result"].get("Metadata", {}).get("OS") for _, attested in ordered]
        results = [
            {name: value for name, value in each.items() if name != "Packages"}
            | {"Target": f"{platform}: {each.get('Target', '')}"}
            for platform, attested in ordered
            for each in attested["scanner"]["result"].get("Results") or ()
        ]
        report = {
            **{key: value for key, value in oldest["result"].items() if key in _COMMON},
            "CreatedAt": finished,
            "ArtifactName": str(index),
            "Metadata": {"OS": systems[0]}
            if systems[0] and systems.count(systems[0]) == len(systems)
            else {},
            "Results": results,
        }
        predicate = {
            "invocation": {},
            "scanner": {**oldest, "result": report},
            "metadata": {
                "scanStartedOn": min(time["scanStartedOn"] for time in times),
                "scanFinishedOn": finished,
            },
        }
    except (KeyError, TypeError, AttributeError, ValueError):
        return  # no findings of ours
    if len(compact(predicate)) <= MAX_ATTESTED:
        yield Statement(index.digest, VULNERABILITIES, predicate)


def _by_kind(platform: PlatformEvidence) -> dict[str, Mapping[str, Any]]:
    """The predicates that the record of a platform names, by their type: of several the first in order, so that every
    run takes the same."""
    wanted = frozenset(document_kinds(platform.record))
    first: dict[str, bytes] = {}
    predicates: dict[str, Mapping[str, Any]] = {}
    for statement in platform.statements:
        kind = statement.predicate_type
        if (kind in BILLS or kind == VULNERABILITIES) and kind_of(statement) in wanted:
            raw = statement.to_json()
            if kind not in first or raw < first[kind]:
                first[kind], predicates[kind] = raw, statement.predicate
    return predicates


def _documents(
    index: SbomSubject, platform: PlatformEvidence, predicates: Mapping[str, Any]
) -> PlatformDocuments:
    record = platform.record
    inventory = record.evidence.inventory
    if inventory is None or not inventory.serial:
        raise LockageError(
            f"the record of {record.digest} has no bill of materials",
            hint="run again with --fresh to make it again",
        )
    return PlatformDocuments(
        replace(index, digest=record.digest, platform=platform.platform),
        UUID(inventory.serial),
        {name: descriptor.digest for name, descriptor in record.documents.items()},
        {BILLS[kind]: _listing(predicates.get(kind, {}), field) for kind, field in _LISTS.items()},
    )


def _listing(document: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    """A document of a platform, if it lists anything."""
    return document if document.get(field) else {}


def same_predicate(statement: Statement, others: Iterable[Statement]) -> bool:
    """Whether one of the statements says the same."""
    wanted = compact(dict(statement.predicate))
    return any(
        other.predicate_type == statement.predicate_type and compact(dict(other.predicate)) == wanted
        for other in others
    )
