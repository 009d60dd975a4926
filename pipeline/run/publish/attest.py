"""What is said and signed about an image: the signature itself, bills of materials, scan results."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pipeline.engine import sign as sign_step
from pipeline.errors import LockageError, UsageError
from pipeline.model import Descriptor, Digest, Repository
from pipeline.state.records import Record
from pipeline.trust import CYCLONEDX, SIGNATURE, SPDX, VULNERABILITIES, Bundle, Statement, attach, examine

from ..context import RunContext

if TYPE_CHECKING:
    from collections.abc import Sequence

# Predicate -> the document it carries (cosign's names for the same things: cyclonedx, spdxjson, vuln).
_DOCUMENTS = {CYCLONEDX: "cyclonedx-json", SPDX: "spdx-json", VULNERABILITIES: "trivy-json"}


async def sign(
    context: RunContext,
    what: str,
    repository: Repository,
    index: Descriptor,
    children: Sequence[tuple[Descriptor, Record]],
) -> int:
    """Sign an index and its children, children first, and attest what is known of each; gives what was added.

    What bears a valid statement already is left alone; findings of newer vulnerability data are attested beside
    the older ones. The index's own signature comes last, so that its presence means that everything else is there.
    """
    wanted: list[tuple[Descriptor, Statement]] = []
    for child, record in children:
        there = {_kind(s) for s in (await _present(context, repository, child.digest))}
        statements = [s for s in await _statements(context, child.digest, record) if _kind(s) not in there]
        wanted += [(child, statement) for statement in statements]
    there = {_kind(s) for s in await _present(context, repository, index.digest)}
    if (SIGNATURE, "") not in there:
        wanted.append((index, Statement(index.digest, SIGNATURE, {})))
    if not wanted:
        return 0
    for (subject, _), bundle in zip(wanted, await _bundles(context, what, wanted), strict=True):
        await attach(context.registry, repository, subject, bundle, created=context.revision.created)
    return len(wanted)


def _kind(statement: Statement) -> tuple[str, str]:
    """What a statement is, and for findings the data they are of."""
    if statement.predicate_type != VULNERABILITIES:
        return statement.predicate_type, ""
    try:
        return VULNERABILITIES, str(statement.predicate["scanner"]["db"]["uri"])
    except (KeyError, TypeError):
        return VULNERABILITIES, ""


async def _present(context: RunContext, repository: Repository, digest: Digest) -> tuple[Statement, ...]:
    return (await examine(context.registry, repository, digest, context.signing.key)).statements


async def _bundles(
    context: RunContext, what: str, wanted: Sequence[tuple[Descriptor, Statement]]
) -> list[bytes]:
    if context.signing.private is None:
        raise UsageError(
            f"no private key to sign with (only {context.signing.origin})",
            hint="set COSIGN_PRIVATE_KEY, COSIGN_PUBLIC_KEY and COSIGN_PASSWORD",
        )
    client = await context.engine.client()
    key = sign_step.SigningKey(
        client.set_secret("cosign-key", context.signing.private.decode()),
        "cosign-key",
        client.set_secret("cosign-password", context.signing.password),
        "cosign-password",
        context.signing.fingerprint,
    )
    async with context.limits.tools:
        context.report(what, "sign", f"{len(wanted)} statements")
        statements = [statement.to_json() for _, statement in wanted]
        bundles = await sign_step.sign(client, context.tool("cosign"), key, statements, what=what)
    if not all(context.signing.key.signed(Bundle.parse(bundle)) for bundle in bundles):
        raise UsageError(
            f"the private key does not belong to the public key ({context.signing.origin}); nothing was attached",
            hint="give both halves of one pair: COSIGN_PRIVATE_KEY and COSIGN_PUBLIC_KEY",
        )
    return bundles


async def _statements(context: RunContext, digest: Digest, record: Record) -> list[Statement]:
    out = []
    for predicate_type, kind in _DOCUMENTS.items():
        described = record.documents.get(kind)
        if described is None:
            raise LockageError(
                f"the record of {digest} has no {kind} document",
                hint="run again with --fresh: it is made anew",
            )
        document: Any = json.loads(await context.registry.blob(context.builds, described))
        predicate = _vulnerabilities(record, document) if predicate_type == VULNERABILITIES else document
        out.append(Statement(digest, predicate_type, predicate))
    return [*out, Statement(digest, SIGNATURE, {})]


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
