"""The statements about an image and its index: the signature itself, bills of materials, findings."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from pipeline.errors import LockageError
from pipeline.model import Digest, Repository
from pipeline.policy.scanners.signed_scanners import data_key, database, scanner_fields, signed_tools
from pipeline.provenance import IndexBuild, index_predicate, result_predicate
from pipeline.state.signers import program_version
from pipeline.trust import CYCLONEDX, PROVENANCE, SPDX, TEST_RESULT, VULNERABILITIES, Statement
from pipeline.util.json.canonical import compact

from ..provenance.build_provenance import DOCUMENT
from ..target.examination.findings import STARTED

if TYPE_CHECKING:
    from pipeline.policy import Revision, Scan
    from pipeline.provenance import Origin
    from pipeline.registry import Registry
    from pipeline.state.record import Record

    from ..publish.publication import Publication

# Predicate -> the document it carries (cosign's names for the same: cyclonedx, spdxjson, slsaprovenance1, vuln).
BILLS = {CYCLONEDX: "cyclonedx-json", SPDX: "spdx-json"}
_DOCUMENTS = {**BILLS, PROVENANCE: DOCUMENT, VULNERABILITIES: "trivy-json"}
_BY_CONTENT = frozenset({*BILLS, PROVENANCE, TEST_RESULT})
Kind = tuple[str, Digest | None]
"""What makes two statements about a digest the same: the predicate type, for findings their data's digest, and for
bills of materials, provenance and test results their own."""


def kind_of(statement: Statement) -> Kind:
    """The kind of a statement."""
    kind, predicate = statement.predicate_type, statement.predicate
    try:
        if kind == VULNERABILITIES:
            return kind, data_key(signed_tools(predicate["scanner"]))
        return kind, Digest.of(compact(dict(predicate))) if kind in _BY_CONTENT else None
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError):
        return kind, None


def document_kinds(record: Record) -> tuple[Kind, ...]:
    """The kinds of statements with documents that a platform's image is to bear."""
    digests = {name: descriptor.digest for name, descriptor in record.documents.items()}
    documents = [(kind, digests.get(name)) for kind, name in BILLS.items()]
    if has_provenance(record):
        documents.append((PROVENANCE, digests[DOCUMENT]))
    return (*documents, (VULNERABILITIES, record.findings))


def has_provenance(record: Record) -> bool:
    """Whether it is known how an image was built. An imported one was built elsewhere, and what older versions built
    has none until it is built again."""
    return DOCUMENT in record.documents


def test_results(record: Record) -> Statement | None:
    """The results of a platform's tests; None where nothing was tested, or before the tests had a digest."""
    report = record.evidence.tests
    if report is None or record.tests is None or not (report.cases or report.unexamined):
        return None
    return Statement(record.digest, TEST_RESULT, result_predicate(report, record.tests))


def index_provenance(
    publication: Publication, digest: Digest, revision: Revision, origin: Origin
) -> Statement:
    """The provenance of an index that this run put together."""
    target = publication.targets[0]
    build = IndexBuild(
        target.image,
        target.tag,
        publication.repository,
        [(platform.platform, platform.digest) for platform in publication.platforms],
        revision,
        origin,
        {"lockage": program_version()},
        int(time.time()),
    )
    return Statement(digest, PROVENANCE, index_predicate(build))


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
    it; empty where there was none, so that what nobody examined is not read as clean. `scanner.beside` is in
    policy/scanners/signed.py.
    """
    finished = report.get("CreatedAt", "")
    started = report.pop(STARTED, finished)
    scanner = {**scanner_fields(scan), "result": report}
    if scan.java:
        scanner["javaDb"] = database(scan.java.digest, scan.java.date)
    predicate = {
        "invocation": {},
        "scanner": scanner,
        "metadata": {"scanStartedOn": started, "scanFinishedOn": finished},
    }
    return Statement(digest, VULNERABILITIES, predicate)
