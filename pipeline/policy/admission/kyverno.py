"""Kyverno's ImageValidatingPolicy (policies.kyverno.io/v1), the kind that says most of the rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from pipeline.model.verification import (
    AcceptedSigner,
    Admission,
    AdmissionRules,
    Attestation,
    VerificationRules,
)

from ..verification.judge import PREDICATES
from .exemptions import exemption_note, in_force
from .expressions import Condition, conditions, matches
from .manifests import Policies, Policy
from .signers import identity_fields, own_roots

PLATFORMS = (
    "the platforms below an index: the cluster checks the digest that a pod names, so an index has to bear the "
    "signature and the attestations itself"
)
_REPOSITORY = (
    '((parseImageReference(ref).registry() == "index.docker.io" ? "docker.io" : parseImageReference(ref).registry())'
    ' + "/" + parseImageReference(ref).repository())'
)
_ROOTS = "add tuf: {mirror, root} to cosign: of its attestor (docs/admission.md)"
_LAST = "of several statements of one type, Kyverno judges the last it read; `lockage verify` accepts any that passes"


def image_validating_policies(
    admission: Admission, keys: Mapping[str, str], today: date, name: str
) -> Policies:
    """One policy for each entry of the rules; `keys` are PEM texts by the files that the signers name."""
    exempt = in_force(admission.exemptions, today)
    earlier: list[str] = [pattern for exemption in exempt for pattern in exemption.images]
    documents = []
    for number, entry in enumerate(admission.rules, 1):
        documents.append(_policy(entry, tuple(earlier), keys, f"{name}-{number}"))
        earlier += entry.images
    return Policies(tuple(documents), (PLATFORMS,), (*map(exemption_note, exempt), _LAST))


def _policy(entry: AdmissionRules, earlier: Sequence[str], keys: Mapping[str, str], name: str) -> Policy:
    rules = entry.rules
    attestors = [_attestor(n, signer, keys) for n, signer in enumerate(rules.signers, 1)]
    judged, unwritten = conditions(rules)
    spec: dict[str, Any] = {
        "validationActions": ["Deny"],
        "failurePolicy": "Fail",
        "webhookConfiguration": {"timeoutSeconds": 30},
        "matchConstraints": {
            "resourceRules": [
                {
                    "apiGroups": [""],
                    "apiVersions": ["v1"],
                    "operations": ["CREATE", "UPDATE"],
                    "resources": ["pods", "pods/ephemeralcontainers"],
                }
            ]
        },
        "matchImageReferences": [{"expression": _applies(entry.images, earlier)}],
        "validationConfigurations": {"mutateDigest": True, "verifyDigest": True, "required": True},
        "attestors": attestors,
    }
    if rules.required:
        spec["attestations"] = [
            {"name": attestation, "intoto": {"type": predicate}}
            for kind in rules.required
            for attestation, predicate in _types(kind)
        ]
    spec["variables"] = [
        {
            "name": "used",
            "expression": "images.containers + images.initContainers + images.ephemeralContainers",
        }
    ]
    spec["validations"] = list(_validations(rules, judged, f"[{_names(attestors)}]"))
    return Policy(
        {
            "apiVersion": "policies.kyverno.io/v1",
            "kind": "ImageValidatingPolicy",
            "metadata": {"name": name, "labels": {"app.kubernetes.io/managed-by": "lockage"}},
            "spec": spec,
        },
        (*unwritten, *own_roots(rules.signers, _ROOTS)),
    )


def _applies(images: Sequence[str], earlier: Sequence[str]) -> str:
    applies = f"{_REPOSITORY}.{matches(images)}"
    return f"{applies} && !{_REPOSITORY}.{matches(earlier)}" if earlier else applies


def _attestor(number: int, signer: AcceptedSigner, keys: Mapping[str, str]) -> dict[str, Any]:
    if signer.identity is not None:
        keyless = {"identities": [identity_fields(signer.identity)]}
        return {"name": f"signer{number}", "cosign": {"keyless": keyless}}
    cosign = {
        "key": {"data": keys[signer.key or ""]},
        # a signature by key is in no transparency log, and has no certificate
        "ctlog": {"insecureIgnoreTlog": True, "insecureIgnoreSCT": True},
    }
    return {"name": f"signer{number}", "cosign": cosign}


def _names(attestors: Iterable[Mapping[str, Any]]) -> str:
    return ", ".join(f"attestors.{attestor['name']}" for attestor in attestors)


def _types(kind: Attestation) -> list[tuple[str, str]]:
    """Name and predicate type of what may stand for a kind of attestation; one of them is enough."""
    types = PREDICATES[kind]
    return [(kind if len(types) == 1 else f"{kind}{n}", predicate) for n, predicate in enumerate(types, 1)]


def _validations(
    rules: VerificationRules, judged: Iterable[Condition], attestors: str
) -> Iterable[dict[str, str]]:
    yield _of_all(f"verifyImageSignatures(i, {attestors}) > 0", "signers: not signed by an accepted signer")
    for kind in rules.required:
        verified = (
            f"verifyAttestationSignatures(i, attestations.{name}, {attestors}) > 0"
            for name, _ in _types(kind)
        )
        yield _of_all(" || ".join(verified), f"attestations.{kind}: no {kind} of an accepted signer")
    for condition in judged:
        predicate = f"extractPayload(i, attestations.{condition.kind}).predicate"
        yield _of_all(f"[{predicate}].all(p, {condition.cel})", f"{condition.rule}: the rule is not met")


def _of_all(cel: str, message: str) -> dict[str, str]:
    return {"expression": f"variables.used.all(i, {cel})", "message": message}
