"""Verdicts as SLSA verification summaries v1 (https://slsa.dev/spec/v1.0/verification_summary)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipeline.model import Digest
from pipeline.util.dataclass import dataclass
from pipeline.util.json.canonical import compact
from pipeline.util.json.values import as_list, as_object, as_text
from pipeline.util.timestamps import format_timestamp

from .resource import digest_set

if TYPE_CHECKING:
    from pipeline.model import Repository
    from pipeline.model.gates import Gates
    from pipeline.sbom import SbomSubject

VERIFIER = "https://lockage.org/verifier/v1"
POLICY = "https://lockage.org/policy/gates/v1"
LEVEL = "SLSA_BUILD_LEVEL_1"
"""What is claimed of every build, whoever ran it (docs/provenance.md)."""
_SLSA = "1.0"


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict about a digest: by which gates, from which attestations (the digests of their manifests)."""

    subject: SbomSubject
    gates: Sequence[Gates]
    passed: bool
    inputs: Sequence[Digest]


def policy_digest(gates: Sequence[Gates]) -> Digest:
    """The digest of gates: of the `gates` of a target in `lockage plan --json` without spaces, keys sorted; of the list
    of them where the platforms of an index have different ones."""
    distinct = {compact(each.to_json()): each.to_json() for each in gates}
    only = (
        next(iter(distinct)) if len(distinct) == 1 else compact([distinct[key] for key in sorted(distinct)])
    )
    return Digest.of(only)


def summary_predicate(judged: Judged, version: str, moment: int) -> dict[str, Any]:
    """The predicate of a verdict at `moment`, in seconds since 1970."""
    repository: Repository = judged.subject.repository
    return {
        "verifier": {"id": VERIFIER, "version": {"lockage": version}},
        "timeVerified": format_timestamp(moment),
        "resourceUri": judged.subject.purl,
        "policy": {"uri": POLICY, "digest": digest_set(policy_digest(judged.gates))},
        "inputAttestations": [
            {"uri": f"oci://{repository.at(digest)}", "digest": digest_set(digest)}
            for digest in sorted(judged.inputs, key=str)
        ],
        "verificationResult": "PASSED" if judged.passed else "FAILED",
        "verifiedLevels": [LEVEL] if judged.passed else ["FAILED"],
        "slsaVersion": _SLSA,
    }


def is_current(predicate: Mapping[str, Any], judged: Judged) -> bool:
    """Whether a summary says the same, of the same attestations, whenever it was made."""
    try:
        inputs = [as_object(entry)["digest"] for entry in as_list(predicate["inputAttestations"])]
        named = {as_text(as_object(digests)["sha256"]) for digests in inputs}
        policy = as_object(as_object(predicate["policy"])["digest"])
        passed = predicate["verificationResult"] == "PASSED"
    except (KeyError, ValueError):
        return False
    same = policy == digest_set(policy_digest(judged.gates)) and passed == judged.passed
    return same and named == {digest.hex for digest in judged.inputs}
