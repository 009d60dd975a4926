"""in-toto statements (Statement v1) and the envelope around them (DSSE v1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType
from typing import Any

from pipeline.model import Digest
from pipeline.util.dataclass import dataclass
from pipeline.util.json.canonical import compact

from .limits import STATEMENT_SUBJECTS, SUBJECT_DIGESTS
from .protojson import Field, double, message, octets, parse, repeated, string, strings, struct

STATEMENT = "https://in-toto.io/Statement/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"

SIGNATURE = "https://sigstore.dev/cosign/sign/v1"
CYCLONEDX = "https://cyclonedx.org/bom"
SPDX = "https://spdx.dev/Document"
VULNERABILITIES = "https://cosign.sigstore.dev/attestation/vuln/v1"
PROVENANCE = "https://slsa.dev/provenance/v1"
SUMMARY = "https://slsa.dev/verification_summary/v1"
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"

_HEX = re.compile(r"(?:[0-9a-fA-F]{2})*")

_RESOURCE = message(
    Field("name", string),
    Field("uri", string),
    Field("digest", strings),
    Field("content", octets),
    Field("downloadLocation", string, "download_location"),
    Field("mediaType", string, "media_type"),
    Field("annotations", struct),
)
_STATEMENT = message(
    Field("_type", string, "type"),
    Field("subject", repeated(_RESOURCE)),
    Field("predicateType", string, "predicate_type"),
    Field("predicate", struct),
)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement with a predicate of type `predicate_type` about one subject, with the annotations of that subject."""

    subject: Digest
    predicate_type: str
    predicate: Mapping[str, Any]
    annotations: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def to_json(self) -> bytes:
        """The statement as bytes to sign; equal statements give equal bytes."""
        subject: dict[str, Any] = {"digest": {self.subject.algorithm: self.subject.hex}}
        if self.annotations:
            subject["annotations"] = dict(self.annotations)
        return compact(
            {
                "_type": STATEMENT,
                "subject": [subject],
                "predicateType": self.predicate_type,
                "predicate": dict(self.predicate),
            }
        )


@dataclass(frozen=True, slots=True)
class Statements:
    """One predicate about any number of subjects, as it was signed: what cosign accepts of a statement."""

    subjects: tuple[Mapping[str, Any], ...]
    predicate_type: str
    predicate: Mapping[str, Any]

    @classmethod
    def parse(cls, raw: bytes) -> Statements:
        """Read a statement; raises ValueError for anything else."""
        data = _STATEMENT(parse(raw, double))
        subjects = tuple(data.get("subject", ()))
        if not subjects:
            raise ValueError("a statement about nothing")
        if len(subjects) > STATEMENT_SUBJECTS:
            raise ValueError(f"a statement about {len(subjects)} subjects, more than {STATEMENT_SUBJECTS}")
        for subject in subjects:
            digests = subject.get("digest", {})
            if len(digests) > SUBJECT_DIGESTS:
                raise ValueError(f"{len(digests)} digests of a subject, more than {SUBJECT_DIGESTS}")
            if not all(map(_HEX.fullmatch, digests.values())):
                raise ValueError("the digest of a subject is not hexadecimal")
        return cls(subjects, data.get("predicateType", ""), data.get("predicate", {}))

    def about(self, digest: Digest) -> Statement:
        """The statement about a digest; raises ValueError if it is about others."""
        named = [f"{a}:{h}" for subject in self.subjects for a, h in subject.get("digest", {}).items()]
        for subject in self.subjects:
            if subject.get("digest", {}).get(digest.algorithm) == digest.hex:
                annotations = subject.get("annotations", {})
                return Statement(digest, self.predicate_type, self.predicate, annotations)
        raise ValueError(f"its subject is {', '.join(named)[:200] or 'not a digest'}")


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """The bytes that DSSE signs (dsse protocol.md, "PAE")."""
    kind = payload_type.encode()
    return b" ".join((b"DSSEv1", str(len(kind)).encode(), kind, str(len(payload)).encode(), payload))
