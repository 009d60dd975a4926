"""Signature and provenance of an OCI artifact that is no image: what is missing is attached, the signature last."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipeline.trust import PROVENANCE, SIGNATURE, Statement, attach, examine
from pipeline.trust.claims import ATTESTED, Claims
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from pipeline.registry import Registry
    from pipeline.registry.artifacts.show import Artifact
    from pipeline.trust import Signatory

    from .signer import Sign

NO_PLATFORM = "unknown/unknown"
"""The platform of what has none, as indexes write it."""


@dataclass(frozen=True, slots=True)
class ArtifactSigning:
    """Who signs, what the provenance says, for which commit; `created` in seconds since 1970."""

    signatory: Signatory
    sign: Sign
    provenance: Callable[[], Mapping[str, Any]]
    commit: str
    created: int


async def ensure_artifact_signed(registry: Registry, artifact: Artifact, signing: ArtifactSigning) -> bool:
    """Sign and attest what the artifact lacks by this signatory; whether it lacked anything.

    Raises UsageError for a key or token that cannot sign, RegistryError.
    """
    repository, subject = artifact.reference.repository, artifact.descriptor
    seen = await examine(registry, repository, subject.digest, signing.signatory)
    lacks: list[Statement] = []
    if not seen.has(PROVENANCE):
        lacks.append(Statement(subject.digest, PROVENANCE, signing.provenance()))
    claims = artifact_claims(artifact, signing.commit)
    if seen.signature_for(claims) is None:
        lacks.append(Statement(subject.digest, SIGNATURE, {}, claims.annotations()))
    await _attach(registry, artifact, lacks, signing)
    return bool(lacks)


def artifact_claims(artifact: Artifact, commit: str) -> Claims:
    """What the signature of an artifact is for: its repository and tag. Its digest is all that it is made of, so
    another commit that packs the same files needs no other signature."""
    path, tag = artifact.reference.repository.path, artifact.reference.tag or ""
    key = artifact.descriptor.digest.hex
    return Claims(path, path, tag, (tag,), NO_PLATFORM, commit, key, ATTESTED)


async def _attach(
    registry: Registry, artifact: Artifact, lacks: Sequence[Statement], signing: ArtifactSigning
) -> None:
    repository, subject = artifact.reference.repository, artifact.descriptor
    bundles = await signing.sign(str(artifact.reference), lacks) if lacks else []
    for bundle in bundles:
        await attach(registry, repository, subject, bundle, created=signing.created)
