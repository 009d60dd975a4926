"""Sigstore policy-controller's ClusterImagePolicy (policy.sigstore.dev/v1beta1)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from pipeline.errors import UsageError
from pipeline.model.verification import (
    AcceptedSigner,
    Admission,
    AdmissionRules,
    Attestation,
    VerificationRules,
)

from ..verification.judge import PREDICATES
from .exemptions import in_force
from .kyverno import PLATFORMS
from .manifests import Policies, Policy
from .patterns import quoted, re2, without_folders
from .signers import identity_fields, own_roots
from .unsupported_rules import beyond_patterns

_GLOB = re.compile(r"[a-zA-Z0-9_:/*.@-]+")
_FULCIO = "https://fulcio.sigstore.dev"
_BY_KEY = (
    "policy-controller verifies bundles of keyless signers only (with a key: `the authority must be keyless`). "
    "Signatures by key have to be there in cosign's older tag scheme as well, or every image is refused: "
    "cosign sign --new-bundle-format=false --key KEY IMAGE@DIGEST"
)
_ROOTS = "add a TrustRoot and name it as trustRootRef of keyless:, ctlog: and rfc3161timestamp: (docs/admission.md)"
_NOTES = (
    "namespaces take part by the label policy.sigstore.dev/include=true; tags become digests when a pod is created",
    "an image that several entries match is held to all of them, not to the first alone",
)


def cluster_image_policies(admission: Admission, keys: Mapping[str, str], today: date, name: str) -> Policies:
    """One policy for each entry of the rules. Raises UsageError for images that its globs cannot name."""
    exempt = in_force(admission.exemptions, today)
    stricter = (
        f"NOT EXEMPT: {', '.join(e.images)} ({e.owner}: {e.reason}): policy-controller has no exclusions of images"
        for e in exempt
    )
    documents = (_policy(entry, keys, f"{name}-{number}") for number, entry in enumerate(admission.rules, 1))
    return Policies(tuple(documents), (PLATFORMS,), (*stricter, *_NOTES))


def _policy(entry: AdmissionRules, keys: Mapping[str, str], name: str) -> Policy:
    rules = entry.rules
    notes = []
    if any(signer.identity is None for signer in rules.signers):
        notes.append(_BY_KEY)
    if "sbom" in rules.required:
        notes.append("an SBOM in CycloneDX is demanded, SPDX alone is not enough")
    return Policy(
        {
            "apiVersion": "policy.sigstore.dev/v1beta1",
            "kind": "ClusterImagePolicy",
            "metadata": {"name": name, "labels": {"app.kubernetes.io/managed-by": "lockage"}},
            "spec": {
                "mode": "enforce",
                "images": [{"glob": glob} for glob in _globs(entry.images)],
                "authorities": [
                    _authority(number, signer, keys, rules) for number, signer in enumerate(rules.signers, 1)
                ],
            },
        },
        (*beyond_patterns(rules), *own_roots(rules.signers, _ROOTS)),
        tuple(notes),
    )


def _globs(patterns: Iterable[str]) -> Iterator[str]:
    for pattern in patterns:
        if not _GLOB.fullmatch(pattern):
            raise UsageError(
                f"policy-controller has no glob for {pattern}", hint="name the repositories without it"
            )
        for variant in without_folders(pattern):
            hub = f"index.{variant}" if variant.startswith("docker.io/") else variant
            yield from (f"{hub}:*", f"{hub}@*")


def _authority(
    number: int, signer: AcceptedSigner, keys: Mapping[str, str], rules: VerificationRules
) -> dict[str, Any]:
    attestations = {"attestations": [_attestation(kind, rules) for kind in rules.required]}
    by = (
        {"key": {"data": keys[signer.key or ""], "hashAlgorithm": "sha256"}}
        if signer.identity is None
        else {
            "signatureFormat": "bundle",
            "keyless": {"url": _FULCIO, "identities": [identity_fields(signer.identity)]},
        }
    )
    return {"name": f"signer{number}", **by, **(attestations if rules.required else {})}


def _attestation(kind: Attestation, rules: VerificationRules) -> dict[str, Any]:
    # `!` has a field be there: CUE would supply one that is missing
    demanded = "\n".join(f"predicate!: {line}" for line in _cue(kind, rules))
    policy = {"policy": {"type": "cue", "data": f"{demanded}\n"}}
    return {"name": kind, "predicateType": PREDICATES[kind][0], **(policy if demanded else {})}


def _cue(kind: Attestation, rules: VerificationRules) -> Iterator[str]:
    if kind == "tests":
        yield 'result!: "PASSED"'
    elif kind == "verdict":
        yield 'verificationResult!: "PASSED"'
        if rules.verdict.verifiers:
            yield f"verifier!: id!: =~{quoted(re2(rules.verdict.verifiers))}"
    elif kind == "provenance":
        if rules.provenance.builders:
            yield f"runDetails!: builder!: id!: =~{quoted(re2(rules.provenance.builders))}"
        if rules.provenance.build_types:
            yield f"buildDefinition!: buildType!: =~{quoted(re2(rules.provenance.build_types))}"
