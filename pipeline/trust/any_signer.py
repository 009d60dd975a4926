"""Verification by any of several signers: keys today and tomorrow's, this identity or that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.model import Digest, Repository
from pipeline.util.dataclass import dataclass

from .signatory import Signatory
from .statement import SIGNATURE, Statement
from .verify import bundles

if TYPE_CHECKING:
    from pipeline.oci.source import ImageSource


@dataclass(frozen=True, slots=True)
class Accepted:
    """What any of the signers has signed about a digest, each with who did; and why the rest does not count."""

    subject: Digest
    statements: tuple[tuple[Statement, str], ...]
    refused: tuple[str, ...]

    @property
    def signed_by(self) -> tuple[str, ...]:
        """Who has signed the image itself (cosign's `sign/v1`)."""
        signers = (origin for s, origin in self.statements if s.predicate_type == SIGNATURE)
        return tuple(dict.fromkeys(signers))


async def examine_by(
    registry: ImageSource, repository: Repository, digest: Digest, signatories: Sequence[Signatory]
) -> Accepted:
    """Read every sigstore bundle that refers to a digest, and verify it with whichever signer it is by.

    Raises RegistryError when the registry fails.
    """
    accepted: list[tuple[Statement, str]] = []
    refused: list[str] = []
    async for referrer, raw in bundles(registry, repository, digest):
        judged = raw if isinstance(raw, str) else _of_any(raw, digest, signatories)
        if isinstance(judged, str):
            refused.append(f"{referrer}: {judged}")
        else:
            accepted.append(judged)
    return Accepted(digest, tuple(accepted), tuple(refused))


def _of_any(raw: bytes, digest: Digest, signatories: Sequence[Signatory]) -> tuple[Statement, str] | str:
    """The statement and its signer, or each one's reason, once."""
    reasons: list[str] = []
    for signatory in signatories:
        statement = signatory.statement(raw, digest)
        if not isinstance(statement, str):
            return statement, signatory.origin
        reasons.append(statement)
    return "; ".join(dict.fromkeys(reasons))
