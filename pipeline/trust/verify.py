"""Verification with a public key: what is signed about a digest, and by whom; no engine, no cosign."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.errors import Exit, LockageError
from pipeline.model import Descriptor, Digest, Repository

from .bundle import BUNDLE_TYPE, MAX_BUNDLE, Bundle, PublicKey
from .statement import SIGNATURE, Statement

if TYPE_CHECKING:
    from pipeline.registry import Registry


class SignatureRefused(LockageError):
    """A digest bears no signature that the given key made."""

    exit_code = Exit.GATE


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found on one digest: statements the key vouches for, and why others were left aside."""

    subject: Digest
    statements: tuple[Statement, ...]
    refused: tuple[str, ...]

    @property
    def signed(self) -> bool:
        """Whether the image itself is signed (cosign's `sign/v1` predicate)."""
        return any(s.predicate_type == SIGNATURE for s in self.statements)

    def has(self, predicate_type: str) -> bool:
        """Whether a valid statement of this kind is attached."""
        return any(s.predicate_type == predicate_type for s in self.statements)

    def to_json(self) -> dict[str, Any]:
        """As plain data; predicates are left out, they can be megabytes."""
        return {
            "subject": str(self.subject),
            "signed": self.signed,
            "statements": sorted({s.predicate_type for s in self.statements}),
            "refused": list(self.refused),
        }


async def examine(registry: Registry, repository: Repository, digest: Digest, key: PublicKey) -> Verification:
    """Read every sigstore bundle that refers to a digest and check it against the key."""
    good: list[Statement] = []
    refused: list[str] = []
    async for source, raw in _bundles(registry, repository, digest):
        try:
            bundle = Bundle.parse(raw)
        except ValueError as fault:
            refused.append(f"{source.digest}: {fault}")
            continue
        if bundle.statement.subject != digest:
            refused.append(f"{source.digest}: speaks of {bundle.statement.subject}")
        elif not key.signed(bundle):
            refused.append(f"{source.digest}: not signed by {key.origin}")
        else:
            good.append(bundle.statement)
    return Verification(digest, tuple(good), tuple(refused))


async def verify(registry: Registry, repository: Repository, digest: Digest, key: PublicKey) -> Verification:
    """As `examine`, but raises `SignatureRefused` unless the digest is signed by the key."""
    found = await examine(registry, repository, digest, key)
    if not found.signed:
        why = "; ".join(found.refused) or "nothing is attached to it"
        raise SignatureRefused(
            f"{repository.at(digest)} is not signed by {key.origin}: {why}",
            hint="lockage sign (or give the key that signed it: --key FILE)",
        )
    return found


async def _bundles(
    registry: Registry, repository: Repository, digest: Digest
) -> AsyncIterator[tuple[Descriptor, bytes]]:
    for found in await registry.referrers(repository, digest, BUNDLE_TYPE):
        manifest = await registry.get_manifest(repository.at(found.digest))
        layers = manifest.data.get("layers", []) if manifest else []
        for layer in map(Descriptor.from_oci, layers):
            if layer.media_type == BUNDLE_TYPE and layer.size <= MAX_BUNDLE:
                yield found, await registry.blob(repository, layer)
