"""Verification of the signed statements about a digest with a public key, in process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import Exit, LockageError
from pipeline.model import Digest, Repository

from .bundle import BUNDLE_TYPE, MAX_BUNDLE, Bundle, PublicKey
from .statement import SIGNATURE, Statement

if TYPE_CHECKING:
    from pipeline.registry import Registry


class SignatureRefused(LockageError):
    """A digest has no signature by the given key."""

    exit_code = Exit.GATE


@dataclass(frozen=True, slots=True)
class Verification:
    """The statements about a digest that the key has signed, and why others were refused."""

    subject: Digest
    statements: tuple[Statement, ...]
    refused: tuple[str, ...]

    @property
    def signed(self) -> bool:
        """Whether the image itself is signed (cosign's `sign/v1` predicate)."""
        return any(s.predicate_type == SIGNATURE for s in self.statements)

    def has(self, predicate_type: str) -> bool:
        """Whether a verified statement of this predicate type is attached."""
        return any(s.predicate_type == predicate_type for s in self.statements)

    def to_json(self) -> dict[str, object]:
        """As plain data, without predicates, which can be megabytes."""
        return {
            "subject": str(self.subject),
            "signed": self.signed,
            "statements": sorted({s.predicate_type for s in self.statements}),
            "refused": list(self.refused),
        }


async def examine(registry: Registry, repository: Repository, digest: Digest, key: PublicKey) -> Verification:
    """Read every sigstore bundle that refers to a digest, and verify it with the key."""
    verified: list[Statement] = []
    refused: list[str] = []
    async for referrer, raw in _bundles(registry, repository, digest):
        try:
            bundle = Bundle.parse(raw)
        except ValueError as fault:
            refused.append(f"{referrer}: {fault}")
            continue
        if bundle.statement.subject != digest:
            refused.append(f"{referrer}: its subject is {bundle.statement.subject}")
        elif not key.signed(bundle):
            refused.append(f"{referrer}: not signed by {key.origin}")
        else:
            verified.append(bundle.statement)
    return Verification(digest, tuple(verified), tuple(refused))


async def verify(registry: Registry, repository: Repository, digest: Digest, key: PublicKey) -> Verification:
    """As `examine`, but raises `SignatureRefused` unless the digest is signed by the key."""
    verification = await examine(registry, repository, digest, key)
    if not verification.signed:
        reasons = "; ".join(verification.refused) or "it has no signature"
        raise SignatureRefused(
            f"{repository.at(digest)} is not signed by {key.origin}: {reasons}",
            hint="lockage sign, or name the key that signed it: --key FILE",
        )
    return verification


async def _bundles(
    registry: Registry, repository: Repository, digest: Digest
) -> AsyncIterator[tuple[Digest, bytes]]:
    for referrer in await registry.referrers(repository, digest, BUNDLE_TYPE):
        manifest = await registry.get_manifest(repository.at(referrer.digest))
        for layer in manifest.layers if manifest else ():
            if layer.media_type == BUNDLE_TYPE and layer.size <= MAX_BUNDLE:
                yield referrer.digest, await registry.blob(repository, layer)
