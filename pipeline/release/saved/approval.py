"""Approvals of a saved plan: in-toto statements about its file, each in a Sigstore bundle of its own.

`cosign attest-blob --type …` writes such a bundle too, and `cosign verify-blob-attestation` accepts it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from pipeline.model import Digest
from pipeline.run.publish.approval import ApprovalMissing
from pipeline.trust import PublicKey, Statement
from pipeline.trust.keyless.identity import certified_in
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from pipeline.config import Environment
    from pipeline.trust import Signatory

    from .plan import SavedPlan

APPROVAL = "https://lockage.org/statement/approval/v1"
"""The predicate type of an approval."""


@dataclass(frozen=True, slots=True)
class Approver:
    """Who approved. Two are the same if their `identity` is: a key's fingerprint, or a certificate's subject and
    issuer, whichever of the accepted signers they match."""

    identity: str
    name: str

    @property
    def digest(self) -> Digest:
        """A hash of the identity."""
        return Digest.of(self.identity.encode())


@dataclass(frozen=True, slots=True)
class Approved:
    """Those who approved a plan, each once, and by file name why other files do not count."""

    approvers: tuple[Approver, ...]
    refused: Mapping[str, str]


def approval_of(plan: SavedPlan) -> Statement:
    """What approvers sign: the digest of the plan's file, with what it is about."""
    about = {"project": plan.project, "command": plan.command, "environments": sorted(plan.ledgers)}
    return Statement(plan.digest, APPROVAL, about)


def read_approvals(plan: Digest, bundles: Mapping[str, bytes], signatories: Sequence[Signatory]) -> Approved:
    """Who of these signers approved the plan with this digest; `bundles` are files by name. Raises ConfigError for
    trusted roots."""
    approvers: dict[str, Approver] = {}
    refused = {}
    for name, raw in sorted(bundles.items()):
        approver = approver_of(plan, raw, signatories)
        if isinstance(approver, str):
            refused[name] = approver
        else:
            approvers.setdefault(approver.identity, approver)
    return Approved(tuple(approvers.values()), refused)


def approver_of(plan: Digest, raw: bytes, signatories: Iterable[Signatory]) -> Approver | str:
    """Who approved the plan by this bundle, or why it is no approval."""
    reasons = []
    for signatory in signatories:
        statement = signatory.statement(raw, plan)
        if isinstance(statement, str):
            reasons.append(statement)
        elif statement.predicate_type != APPROVAL:
            reasons.append(f"it is no approval, but {statement.predicate_type[:100] or 'nothing'}")
        elif isinstance(signatory, PublicKey):
            return Approver(f"key {signatory.fingerprint}", signatory.origin)
        else:
            who = certified_in(raw)
            return Approver(f"identity {who.subject}\n{who.issuer}", who.subject)
    return "; ".join(dict.fromkeys(reasons))


def approvers_by_environment(
    plan: Digest, bundles: Mapping[str, bytes], signers: Iterable[tuple[Environment, Sequence[Signatory]]]
) -> dict[str, tuple[str, ...]]:
    """Who approved the plan with this digest, by the names of environments; each comes with those who may approve its
    changes.

    Raises ApprovalMissing where they are too few, ConfigError for trusted roots.
    """
    return {
        environment.name: require_approvals(environment, read_approvals(plan, bundles, accepted))
        for environment, accepted in signers
    }


def require_approvals(environment: Environment, approved: Approved) -> tuple[str, ...]:
    """The names of those who approved a change of an environment. Raises ApprovalMissing if they are too few."""
    wanted = environment.approvals
    assert wanted is not None
    names = tuple(approver.name for approver in approved.approvers)
    if len(names) >= wanted.required:
        return names
    raise ApprovalMissing(
        f"{environment.name} wants {wanted.required} approvals of this plan, and has {len(names)}",
        hint="lockage approve FILE, by others of those that approvals: from: lists; each counts once",
        detail="\n".join(
            (
                *(f"approved by {name}" for name in names),
                *(f"{file}: {reason}" for file, reason in approved.refused.items()),
            )
        )
        or None,
    )
