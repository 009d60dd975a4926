"""The statements about an image: the signature itself, bills of materials, findings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pipeline.errors import LockageError
from pipeline.model import Digest, Repository
from pipeline.trust import CYCLONEDX, SPDX, VULNERABILITIES, Statement

if TYPE_CHECKING:
    from pipeline.registry import Registry
    from pipeline.state.record import Record

# Predicate -> the document it carries (cosign's names for the same: cyclonedx, spdxjson, vuln).
_DOCUMENTS = {CYCLONEDX: "cyclonedx-json", SPDX: "spdx-json", VULNERABILITIES: "trivy-json"}
DOCUMENT_KINDS = tuple(_DOCUMENTS)
"""The predicate types of the documents that a platform's image is to bear."""

Kind = tuple[str, Digest | None]
"""What makes two statements about a digest the same: the predicate type, and for findings their data's digest."""


def kind_of(statement: Statement) -> Kind:
    """The kind of a statement."""
    if statement.predicate_type != VULNERABILITIES:
        return statement.predicate_type, None
    try:
        return VULNERABILITIES, Digest(statement.predicate["scanner"]["db"]["uri"].removeprefix("oci:"))
    except (KeyError, TypeError, AttributeError, ValueError):
        return VULNERABILITIES, None


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
    predicate = _vulnerabilities(record, document) if predicate_type == VULNERABILITIES else document
    return Statement(record.digest, predicate_type, predicate)


def _vulnerabilities(record: Record, report: Any) -> dict[str, Any]:
    """The scan as cosign's vulnerability predicate (COSIGN_VULN_ATTESTATION_SPEC)."""
    scan = record.evidence.scan
    assert scan, "attested before it was scanned"
    moment = report.get("CreatedAt", "")
    return {
        "invocation": {},
        "scanner": {
            "uri": f"pkg:github/aquasecurity/trivy@{scan.tool.version}",
            "version": scan.tool.version,
            "db": {"uri": f"oci:{scan.tool.data_digest}", "version": scan.tool.data_date or ""},
            "result": report,
        },
        "metadata": {"scanStartedOn": moment, "scanFinishedOn": moment},
    }
