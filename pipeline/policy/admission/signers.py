"""Identities as Kyverno and policy-controller name them: exact, or a regular expression of RE2."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.model.verification import AcceptedSigner
from pipeline.model.verification.identity import Identity, Pattern

from .patterns import portable


def identity_fields(identity: Identity) -> dict[str, str]:
    """Subject and issuer of an identity. Raises UsageError for a regular expression that clusters read differently."""
    return {**_field("subject", identity.subject), **_field("issuer", identity.issuer)}


def _field(name: str, pattern: Pattern) -> dict[str, str]:
    return {f"{name}RegExp": portable(pattern.text)} if pattern.regexp else {name: pattern.text}


def own_roots(signers: Iterable[AcceptedSigner], remedy: str) -> Iterator[str]:
    """The trusted roots that signers name and a policy does not hold, each with what to do about it."""
    for root in dict.fromkeys(signer.trusted_root for signer in signers if signer.trusted_root):
        yield f"the trusted root {root}: the engine verifies identities by the public Sigstore's; {remedy}"
