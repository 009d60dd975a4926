"""The rules for images that are used: who has signed them, what is attested, from what they are built."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from pipeline.model import Digest
from pipeline.model.verification import (
    AcceptedSigner,
    Attestation,
    Exemption,
    ProvenanceRules,
    VerdictRules,
    VerificationRules,
)
from pipeline.model.verification.identity import Identity, Pattern

from .. import shapes
from ..base import FormatVersion, Model, Text
from ..gates.fields import Waiver
from ..gates.vulnerabilities import Days
from ..signing.entry import Exact, File, Regexp

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_LONGEST = 2048  # characters of a pattern, as of a URL


def _pattern(text: str) -> str:
    if not text or len(text) > _LONGEST or not text.isprintable() or text != text.strip():
        raise ValueError(f"{text[:80]!r} is not a pattern: 1 to {_LONGEST} printable characters, * for any")
    return text


def _commit(text: str) -> str:
    if not _COMMIT.fullmatch(text):
        raise ValueError(f"{text[:80]!r} is not a whole commit: 40 or 64 hexadecimal digits")
    return text


def _digest(text: str) -> str:
    return str(Digest(text))


Glob = Annotated[Text, AfterValidator(_pattern), WithJsonSchema(dict(shapes.NOT_EMPTY))]
Commit = Annotated[Text, AfterValidator(_commit), WithJsonSchema(dict(shapes.matching(_COMMIT)))]
DigestText = Annotated[Text, AfterValidator(_digest), WithJsonSchema(dict(shapes.NOT_EMPTY))]


class SignerEntry(Model):
    """A key, or an identity with its issuer."""

    key: File | None = Field(None, description="File with a public key in PEM, below the file it stands in")
    identity: Exact | None = Field(
        None, description="The certificate's subject, exactly: a workflow's URL, an address"
    )
    identity_regexp: Regexp | None = Field(
        None, description="The certificate's subject; a regular expression of RE2, anchored: ^…$"
    )
    issuer: Exact | None = Field(
        None, description="Who vouched for it, exactly, such as https://token.actions.githubusercontent.com"
    )
    issuer_regexp: Regexp | None = Field(
        None, description="Who vouched for it; a regular expression of RE2, anchored: ^…$"
    )
    trusted_root: File | None = Field(
        None,
        description="File with the TrustedRoot of the Sigstore that certifies it (default: the public one)",
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        subjects = [self.identity, self.identity_regexp]
        issuers = [self.issuer, self.issuer_regexp]
        given = tuple(
            sum(value is not None for value in values) for values in ([self.key], subjects, issuers)
        )
        if given not in {(1, 0, 0), (0, 1, 1)} or (self.key and self.trusted_root):
            raise ValueError(
                "a signer is a key, or an identity (or identity_regexp) and an issuer (or issuer_regexp)"
            )
        return self

    def value(self) -> AcceptedSigner:
        """As the program uses it."""
        if self.key is not None:
            return AcceptedSigner(self.key)
        subject = Pattern(self.identity or self.identity_regexp or "", regexp=self.identity is None)
        issuer = Pattern(self.issuer or self.issuer_regexp or "", regexp=self.issuer is None)
        return AcceptedSigner(None, Identity(subject, issuer), self.trusted_root)


class ProvenanceEntry(Model):
    """What the provenance of each platform has to say; patterns have * for text without a slash and ** for any."""

    builders: tuple[Glob, ...] = Field(
        (), min_length=1, description="Who built it: patterns for the builder's id"
    )
    build_types: tuple[Glob, ...] = Field(
        (), min_length=1, description="How it was built: patterns for the build type"
    )
    sources: tuple[Glob, ...] = Field(
        (), min_length=1, description="Source repositories: patterns, such as https://github.com/acme/*"
    )
    branches: tuple[Glob, ...] = Field(
        (), min_length=1, description="Branches: patterns; with tags, one of either"
    )
    tags: tuple[Glob, ...] = Field(
        (), min_length=1, description="Git tags: patterns; with branches, one of either"
    )
    commits: tuple[Commit, ...] = Field((), min_length=1, description="Commits, in full")
    bases: tuple[Glob, ...] = Field(
        (), min_length=1, description="Base images: patterns for repositories; each base has to match one"
    )
    forbidden: tuple[Glob, ...] = Field(
        (), min_length=1, description="What must not have gone into it: digests, or patterns for URIs"
    )
    max_age: Days | None = Field(None, description="Days since the build ended, such as 90d")

    def value(self) -> ProvenanceRules:
        """As the program uses it."""
        return ProvenanceRules(
            self.builders,
            self.build_types,
            self.sources,
            self.branches,
            self.tags,
            self.commits,
            self.bases,
            self.forbidden,
            self.max_age,
        )


class VerdictEntry(Model):
    """What the verification summary of each platform has to say; that it passed is always wanted."""

    verifiers: tuple[Glob, ...] = Field(
        (), min_length=1, description="Who judged: patterns for the verifier's id"
    )
    policies: tuple[DigestText, ...] = Field((), min_length=1, description="Under which policy: its digests")
    max_age: Days | None = Field(None, description="Days since the verdict, such as 7d")

    def value(self) -> VerdictRules:
        """As the program uses it."""
        return VerdictRules(self.verifiers, self.policies, self.max_age)


class VerifyEntry(Model):
    """What an image has to prove before it is used."""

    signers: tuple[SignerEntry, ...] = Field(
        (), min_length=1, description="Who may have signed it: one of these (default: the site's own key)"
    )
    attestations: tuple[Attestation, ...] = Field(
        (),
        min_length=1,
        description="What each platform bears, signed by one of them: sbom, findings, provenance, tests (passed), "
        "verdict (passed)",
    )
    provenance: ProvenanceEntry = Field(
        default_factory=ProvenanceEntry, description="What its provenance says; wants provenance"
    )
    verdict: VerdictEntry = Field(
        default_factory=VerdictEntry, description="What its verdict says; wants a verdict"
    )

    def value(self) -> VerificationRules:
        """As the program uses it."""
        return VerificationRules(
            tuple(dict.fromkeys(signer.value() for signer in self.signers)),
            tuple(dict.fromkeys(self.attestations)),
            self.provenance.value(),
            self.verdict.value(),
        )


class ImageRules(VerifyEntry):
    """Rules for some images."""

    images: tuple[Glob, ...] = Field(
        min_length=1, description="Repositories: patterns such as ghcr.io/acme/*, or ** for all"
    )


class ExemptionEntry(Waiver):
    """Images that a cluster admits without their rules, until a day."""

    images: tuple[Glob, ...] = Field(min_length=1, description="Repositories: patterns as those of the rules")

    def value(self) -> Exemption:
        """As the program uses it."""
        return Exemption(self.images, self.owner, self.reason, self.expires)


class VerificationFile(Model):
    """The whole of a consumer's file."""

    version: FormatVersion = Field(1, description="The format of this file")
    verify: tuple[ImageRules, ...] = Field(
        min_length=1, description="Rules in order: the first whose images match applies"
    )
    exemptions: tuple[ExemptionEntry, ...] = Field(
        (),
        description="Images that admission policies leave alone; verify holds them to the rules all the same",
    )
