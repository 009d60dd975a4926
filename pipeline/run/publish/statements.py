"""The statements about an image and its index: the signature itself, bills of materials, findings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pipeline.errors import LockageError
from pipeline.model import Digest, Platform, Repository
from pipeline.sbom import PlatformDocuments, Subject, index_documents
from pipeline.trust import CYCLONEDX, SPDX, VULNERABILITIES, Statement
from pipeline.util.json.canonical import compact

from ..target.findings import STARTED

if TYPE_CHECKING:
    from pipeline.policy import Scan
    from pipeline.registry import Registry
    from pipeline.state.record import Record

# Predicate -> the document it carries (cosign's names for the same: cyclonedx, spdxjson, vuln).
_DOCUMENTS = {CYCLONEDX: "cyclonedx-json", SPDX: "spdx-json", VULNERABILITIES: "trivy-json"}
Kind = tuple[str, Digest | None]
"""What makes two statements about a digest the same: the predicate type, for findings their data's digest, and for
bills of materials their own."""


def kind_of(statement: Statement) -> Kind:
    """The kind of a statement."""
    kind, predicate = statement.predicate_type, statement.predicate
    try:
        if kind == VULNERABILITIES:
            return kind, Digest(predicate["scanner"]["db"]["uri"].removeprefix("oci:"))
        return kind, Digest.of(compact(dict(predicate))) if kind in _DOCUMENTS else None
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError):
        return kind, None


def document_kinds(record: Record) -> tuple[Kind, ...]:
    """The kinds of statements with documents that a platform's image is to bear."""
    digests = {name: descriptor.digest for name, descriptor in record.documents.items()}
    documents = [(kind, digests.get(name)) for kind, name in _DOCUMENTS.items() if kind != VULNERABILITIES]
    return (*documents, (VULNERABILITIES, record.findings))


def index_statements(subject: Subject, platforms: Sequence[tuple[Platform, Record]]) -> tuple[Statement, ...]:
    """The bills of materials of an index, which name those of its platforms.

    Raises LockageError for a platform whose packages were never listed.
    """
    made = index_documents(subject, [_documents(subject, *platform) for platform in platforms])
    return tuple(
        Statement(subject.digest, kind, json.loads(made[name]))
        for kind, name in _DOCUMENTS.items()
        if name in made
    )


def _documents(index: Subject, platform: Platform, record: Record) -> PlatformDocuments:
    inventory = record.evidence.inventory
    if inventory is None or not inventory.serial:
        raise LockageError(
            f"the record of {record.digest} has no bill of materials",
            hint="run again with --fresh to make it again",
        )
    return PlatformDocuments(
        replace(index, digest=record.digest, platform=platform),
        UUID(inventory.serial),
        {name: descriptor.digest for name, descriptor in record.documents.items()},
    )


async def statement(registry: Registry, builds: Repository, record: Record, predicate_type: str) -> Statement:
    """The statement about a record's image with a document of the repository of builds.

    Raises LockageError when the record lacks the document, RegistryError when it cannot be read.
    """
    document_format = _DOCUMENTS[predicate_type]
    descriptor = record.documents.get(document_format)
    if descriptor is None:
        raise LockageError(
            f"the record of {record.digest} has no {document_format} document",
            hint="run again with --fresh to make it again",
        )
    document: Any = json.loads(await registry.blob(builds, descriptor))
    if predicate_type == VULNERABILITIES:
        assert record.evidence.scan, "attested before it was scanned"
        return findings_statement(record.digest, record.evidence.scan, document)
    return Statement(record.digest, predicate_type, document)


def findings_statement(digest: Digest, scan: Scan, report: Any) -> Statement:
    """A scan and its report as cosign's vulnerability predicate (COSIGN_VULN_ATTESTATION_SPEC).

    For an image with Java archives, `scanner.javaDb` is one field more: the data they were identified by, as `db` says
    it; empty where there was none, so that what nobody looked at is not read as clean.
    """
    finished = report.get("CreatedAt", "")
    started = report.pop(STARTED, finished)
    scanner = {
        "uri": f"pkg:github/aquasecurity/trivy@{scan.tool.version}",
        "version": scan.tool.version,
        "db": _database(scan.tool.data_digest, scan.tool.data_date),
        "result": report,
    }
    if scan.java:
        scanner["javaDb"] = _database(scan.java.digest, scan.java.date)
    predicate = {
        "invocation": {},
        "scanner": scanner,
        "metadata": {"scanStartedOn": started, "scanFinishedOn": finished},
    }
    return Statement(digest, VULNERABILITIES, predicate)


def _database(digest: str | None, date: str | None) -> dict[str, str]:
    return {"uri": f"oci:{digest}" if digest else "", "version": date or ""}
