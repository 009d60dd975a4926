"""The rules of one environment, or of a consumer's own file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self, get_args

from pipeline.util.dataclass import dataclass
from pipeline.util.json.values import as_integer, as_list, as_literal, as_object, as_texts

from .signer import AcceptedSigner

Attestation = Literal["sbom", "findings", "provenance", "tests", "verdict"]
ATTESTATIONS: tuple[Attestation, ...] = get_args(Attestation)


@dataclass(frozen=True, slots=True)
class ProvenanceRules:
    """What a platform's SLSA provenance has to say; one statement has to meet them all, and no list is no rule.

    `branches` and `tags` are one rule: the source's ref is one of either. All but `commits` are patterns: `*` stands
    for text without a slash, `**` for any. `bases` are references without tag and digest; `forbidden` are digests, or
    patterns for URIs, of anything that went into the build. `max_age` is in days since the build ended.
    """

    builders: tuple[str, ...] = ()
    build_types: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    branches: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    commits: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    max_age: int | None = None

    @property
    def none(self) -> bool:
        """Whether nothing is demanded."""
        return self == ProvenanceRules()

    def to_json(self) -> dict[str, object]:
        """The rules as data, without those that demand nothing."""
        lists: dict[str, object] = {name: list(getattr(self, name)) for name in _LISTS if getattr(self, name)}
        return lists | ({} if self.max_age is None else {"max_age": self.max_age})

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote. Raises ValueError."""
        max_age = data.get("max_age")
        return cls(
            **{name: as_texts(data.get(name, [])) for name in _LISTS},
            max_age=None if max_age is None else as_integer(max_age),
        )


_LISTS = ("builders", "build_types", "sources", "branches", "tags", "commits", "bases", "forbidden")


@dataclass(frozen=True, slots=True)
class VerdictRules:
    """What a platform's verification summary (SLSA VSA) has to say: passed, by one of these verifiers, under one of
    these policies by digest, not longer ago than `max_age` days."""

    verifiers: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    max_age: int | None = None

    @property
    def none(self) -> bool:
        """Whether nothing is demanded."""
        return self == VerdictRules()

    def to_json(self) -> dict[str, object]:
        """The rules as data, without those that demand nothing."""
        return {
            **({"verifiers": list(self.verifiers)} if self.verifiers else {}),
            **({"policies": list(self.policies)} if self.policies else {}),
            **({} if self.max_age is None else {"max_age": self.max_age}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote. Raises ValueError."""
        max_age = data.get("max_age")
        return cls(
            as_texts(data.get("verifiers", [])),
            as_texts(data.get("policies", [])),
            None if max_age is None else as_integer(max_age),
        )


@dataclass(frozen=True, slots=True)
class VerificationRules:
    """An image, its index and each platform, has to be signed by one of `signers`, each platform to bear `attestations`
    of theirs, and these to say what the other rules want. Without `signers`, whoever is trusted anyway counts."""

    signers: tuple[AcceptedSigner, ...] = ()
    attestations: tuple[Attestation, ...] = ()
    provenance: ProvenanceRules = ProvenanceRules()
    verdict: VerdictRules = VerdictRules()

    @property
    def files(self) -> tuple[str, ...]:
        """The files of keys and trusted roots, as the rules name them."""
        named = (path for signer in self.signers for path in (signer.key, signer.trusted_root) if path)
        return tuple(dict.fromkeys(named))

    @property
    def required(self) -> tuple[Attestation, ...]:
        """The attestations that have to be there, those among them that a rule is about."""
        implied = {"provenance": not self.provenance.none, "verdict": not self.verdict.none}
        return tuple(kind for kind in ATTESTATIONS if kind in self.attestations or implied.get(kind))

    def to_json(self) -> dict[str, object]:
        """The rules as data."""
        return {
            "signers": [signer.to_json() for signer in self.signers],
            "attestations": list(self.attestations),
            "provenance": self.provenance.to_json(),
            "verdict": self.verdict.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote. Raises ValueError and KeyError."""
        return cls(
            tuple(AcceptedSigner.from_json(as_object(signer)) for signer in as_list(data["signers"])),
            tuple(as_literal(kind, *ATTESTATIONS) for kind in as_list(data["attestations"])),
            ProvenanceRules.from_json(as_object(data["provenance"])),
            VerdictRules.from_json(as_object(data["verdict"])),
        )
