"""Verification by any of several signers: keys today and tomorrow's, this identity or that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pipeline.model import Digest, Repository

from .public_key import PublicKey
from .statement import SIGNATURE, Statement
from .verify import bundles, verified_statement

if TYPE_CHECKING:
    from pipeline.registry import Registry


class Verifier(Protocol):
    """Somebody whose signatures count; `origin` names them in messages."""

    @property
    def origin(self) -> str: ...

    def statement(self, raw: bytes, digest: Digest) -> Statement | str:
        """The statement about a digest in a bundle that they signed, or why there is none."""
        ...


@dataclass(frozen=True, slots=True)
class KeyVerifier:
    """The holder of a key."""

    key: PublicKey

    @property
    def origin(self) -> str:
        return self.key.origin

    def statement(self, raw: bytes, digest: Digest) -> Statement | str:
        return verified_statement(raw, digest, self.key)


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
    registry: Registry, repository: Repository, digest: Digest, verifiers: Sequence[Verifier]
) -> Accepted:
    """Read every sigstore bundle that refers to a digest, and verify it with whichever signer it is by.

    Raises RegistryError when the registry fails.
    """
    found: list[tuple[Statement, str]] = []
    refused: list[str] = []
    async for referrer, raw in bundles(registry, repository, digest):
        judged = raw if isinstance(raw, str) else _of_any(raw, digest, verifiers)
        if isinstance(judged, str):
            refused.append(f"{referrer}: {judged}")
        else:
            found.append(judged)
    return Accepted(digest, tuple(found), tuple(refused))


def _of_any(raw: bytes, digest: Digest, verifiers: Sequence[Verifier]) -> tuple[Statement, str] | str:
    """The statement and its signer, or each one's reason, once."""
    reasons: list[str] = []
    for verifier in verifiers:
        statement = verifier.statement(raw, digest)
        if not isinstance(statement, str):
            return statement, verifier.origin
        reasons.append(statement)
    return "; ".join(dict.fromkeys(reasons))
