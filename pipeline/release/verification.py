"""Signatures of references, by one key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.errors import RegistryError
from pipeline.model import Reference
from pipeline.trust import Claims, Signatory, SignatureRefused, Verification, verify, verify_claims
from pipeline.util.concurrency import each
from pipeline.util.dataclass import dataclass

if TYPE_CHECKING:
    from pipeline.oci.source import ImageSource


@dataclass(frozen=True, slots=True)
class Verified:
    """A reference by digest, and its valid signatures."""

    reference: Reference
    verification: Verification


@dataclass(frozen=True, slots=True)
class VerificationRequest:
    """A reference to verify, and what its signature is to be for; None where only the reference is known."""

    reference: Reference
    claims: Claims | None = None


async def verify_references(
    registry: ImageSource, key: Signatory, wanted: Sequence[VerificationRequest]
) -> list[Verified]:
    """The signatures of references by one key, in the order given. Raises SignatureRefused, RegistryError."""

    async def verify_one(one: VerificationRequest) -> Verified:
        reference = one.reference
        image = await registry.head(reference)
        if image is None:
            raise RegistryError(f"{reference} does not exist", hint="lockage run; or name another reference")
        if one.claims:
            verification = await verify_claims(registry, reference.repository, image.digest, key, one.claims)
        else:
            verification = await verify(registry, reference.repository, image.digest, key)
            _refuse_other_name(verification, reference, key)
        return Verified(reference.repository.at(image.digest), verification)

    return await each(verify_one, wanted)


def _refuse_other_name(verification: Verification, reference: Reference, key: Signatory) -> None:
    """Raises SignatureRefused if every signature that says what it is for is for another name than the reference's."""
    problems = [claims.unmet_by(reference) for claims in verification.claims]
    if problems and all(problems):
        nearest = min(problems, key=len)
        raise SignatureRefused(
            f"{reference} is signed by {key.origin} for {'; '.join(nearest)}",
            hint="find out who moved the tag; name the image by digest to see what the signature is for",
        )
