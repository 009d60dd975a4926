"""Identities as Kyverno and policy-controller name them: exact, or a regular expression of RE2."""

from __future__ import annotations

from pipeline.model.verification.identity import Identity, Pattern

from .patterns import portable


def identity_fields(identity: Identity) -> dict[str, str]:
    """Subject and issuer of an identity. Raises UsageError for a regular expression that clusters read differently."""
    return {**_field("subject", identity.subject), **_field("issuer", identity.issuer)}


def _field(name: str, pattern: Pattern) -> dict[str, str]:
    return {f"{name}RegExp": portable(pattern.text)} if pattern.regexp else {name: pattern.text}
