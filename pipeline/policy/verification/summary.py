"""What a verification summary says (SLSA v1.0, VSA, predicateType slsa.dev/verification_summary/v1)."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.util.dataclass import dataclass
from pipeline.util.json.values import as_object, as_text, as_text_mapping
from pipeline.util.timestamps import parse_timestamp


@dataclass(frozen=True, slots=True)
class Summary:
    """One verdict: of which verifier, under which policy (by digest), and when (seconds since 1970)."""

    result: str
    verifier: str
    policies: tuple[str, ...]
    verified: int

    @classmethod
    def of(cls, predicate: Mapping[str, object]) -> Summary:
        """Read a predicate. Raises ValueError for what is not a summary."""
        digests = as_text_mapping(as_object(predicate.get("policy")).get("digest") or {})
        return cls(
            as_text(predicate.get("verificationResult")),
            as_text(as_object(predicate.get("verifier")).get("id")),
            tuple(f"{algorithm}:{value}" for algorithm, value in sorted(digests.items())),
            parse_timestamp(as_text(predicate.get("timeVerified"))),
        )
