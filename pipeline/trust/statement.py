"""in-toto statements (Statement v1) and the envelope around them (DSSE v1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.model import Digest
from pipeline.util.canonical_json import compact

STATEMENT = "https://in-toto.io/Statement/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"

SIGNATURE = "https://sigstore.dev/cosign/sign/v1"
CYCLONEDX = "https://cyclonedx.org/bom"
SPDX = "https://spdx.dev/Document"
VULNERABILITIES = "https://cosign.sigstore.dev/attestation/vuln/v1"
PROVENANCE = "https://slsa.dev/provenance/v1"


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement with a predicate of type `predicate_type` about one subject."""

    subject: Digest
    predicate_type: str
    predicate: Mapping[str, Any]

    def to_json(self) -> bytes:
        """The statement as bytes to sign; equal statements give equal bytes."""
        return compact(
            {
                "_type": STATEMENT,
                "subject": [{"digest": {self.subject.algorithm: self.subject.hex}}],
                "predicateType": self.predicate_type,
                "predicate": dict(self.predicate),
            }
        )

    @classmethod
    def from_json(cls, data: object) -> Statement:
        """Read a statement with exactly one subject; raises ValueError for anything else."""
        if not isinstance(data, dict) or data.get("_type") not in (
            STATEMENT,
            "https://in-toto.io/Statement/v0.1",
        ):
            raise ValueError("not an in-toto statement")
        subjects = data.get("subject")
        if not isinstance(subjects, list) or len(subjects) != 1:
            raise ValueError("an in-toto statement about other than one subject")
        digests = subjects[0].get("digest") if isinstance(subjects[0], dict) else None
        if not isinstance(digests, dict) or "sha256" not in digests:
            raise ValueError("an in-toto statement whose subject has no sha256 digest")
        predicate = data.get("predicate")
        return cls(
            Digest(f"sha256:{digests['sha256']}"),
            str(data.get("predicateType", "")),
            predicate if isinstance(predicate, dict) else {},
        )


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """The bytes that DSSE signs (dsse protocol.md, "PAE")."""
    kind = payload_type.encode()
    return b" ".join((b"DSSEv1", str(len(kind)).encode(), kind, str(len(payload)).encode(), payload))
