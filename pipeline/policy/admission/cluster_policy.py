"""Kyverno's older ClusterPolicy (kyverno.io/v1) with rules `verifyImages` of type SigstoreBundle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from .exemptions import exemption_note, in_force
from .expressions import UNWRITTEN
from .kyverno import PLATFORMS
from .manifests import Policies, Policy
from .patterns import alternatives, bracketed, without_folders
from .signers import identity_fields, own_roots
from .unsupported_rules import beyond_patterns

_ADVICE = "an ImageValidatingPolicy (--kind ImageValidatingPolicy) has it"
_NOTES = (
    "* in an image reference crosses slashes here: a policy may hold more images to its rules than the rules do",
    "an image that several entries match is held to all of them, not to the first alone",
    "of several statements of one type, Kyverno wants every one to pass; `lockage verify` accepts any that passes",
)
_ROOTS = "start Kyverno with --enableTuf, --tufMirror and --tufRoot (docs/admission.md)"


def cluster_policies(admission: Admission, keys: Mapping[str, str], today: date, name: str) -> Policies:
    """One policy for each entry of the rules. Raises UsageError for what Kyverno would take for something else."""
    exempt = in_force(admission.exemptions, today)
    for exemption in exempt:
        for pattern in exemption.images:
            _refuse_wide(pattern)
    skipped = list(_references(pattern for exemption in exempt for pattern in exemption.images))
    documents = (
        _policy(entry, skipped, keys, f"{name}-{number}") for number, entry in enumerate(admission.rules, 1)
    )
    return Policies(tuple(documents), (PLATFORMS,), (*map(exemption_note, exempt), *_NOTES))


def _refuse_wide(pattern: str) -> None:
    if "*" in pattern.removesuffix("**"):
        raise UsageError(
            f"a ClusterPolicy cannot exempt {pattern}: its * crosses slashes and would exempt more",
            hint="name the repositories, end the pattern with **, or write an ImageValidatingPolicy",
        )


def _policy(entry: AdmissionRules, skipped: Sequence[str], keys: Mapping[str, str], name: str) -> Policy:
    rules = entry.rules
    signers = {"count": 1, "entries": [_attestor(signer, keys) for signer in rules.signers]}
    verify: dict[str, Any] = {
        "imageReferences": list(_references(entry.images)),
        **({"skipImageReferences": skipped} if skipped else {}),
        "type": "SigstoreBundle",
        "failureAction": "Enforce",
        "mutateDigest": True,
        "verifyDigest": True,
        "required": True,
        "attestors": [signers],
    }
    if rules.required:
        verify["attestations"] = [_attestation(kind, rules, signers) for kind in rules.required]
    return Policy(
        {
            "apiVersion": "kyverno.io/v1",
            "kind": "ClusterPolicy",
            "metadata": {"name": name, "labels": {"app.kubernetes.io/managed-by": "lockage"}},
            "spec": {
                "background": False,
                "webhookConfiguration": {"failurePolicy": "Fail", "timeoutSeconds": 30},
                "rules": [
                    {
                        "name": "verified",
                        "match": {"any": [{"resources": {"kinds": ["Pod"]}}]},
                        "verifyImages": [verify],
                    }
                ],
            },
        },
        (
            *(rule if rule in UNWRITTEN else f"{rule}; {_ADVICE}" for rule in beyond_patterns(rules)),
            *own_roots(rules.signers, _ROOTS),
        ),
        ("an SBOM in CycloneDX is demanded, SPDX alone is not enough",) if "sbom" in rules.required else (),
    )


def _references(patterns: Iterable[str]) -> Iterator[str]:
    """Globs for what names an image of a repository: by tag or by digest."""
    for pattern in patterns:
        for variant in without_folders(_literal(pattern)):
            for name in _hub_names(variant.replace("**", "*")):
                yield from (f"{name}:*", f"{name}@*")


def _hub_names(name: str) -> Iterator[str]:
    """A repository as Kyverno may have it from a pod: Docker Hub has two hosts, and official images two paths."""
    yield name
    host, _, path = name.partition("/")
    if host == "docker.io":
        yield f"index.docker.io/{path}"
        if path.startswith("library/"):
            yield from (f"{hub}/{path.removeprefix('library/')}" for hub in ("docker.io", "index.docker.io"))


def _attestor(signer: AcceptedSigner, keys: Mapping[str, str]) -> dict[str, Any]:
    if signer.identity is not None:
        fields = identity_fields(signer.identity)
        return {"keyless": {name: _literal(value) for name, value in fields.items()}}
    # a signature by key is in no transparency log, and has no certificate
    unlogged = {"rekor": {"url": "", "ignoreTlog": True}, "ctlog": {"ignoreSCT": True}}
    return {"keys": {"publicKeys": keys[signer.key or ""], **unlogged}}


def _attestation(kind: Attestation, rules: VerificationRules, signers: Mapping[str, Any]) -> dict[str, Any]:
    conditions = [
        {"key": f"{{{{ {path} }}}}", "operator": "Equals", "value": value}
        for path, value in _conditions(kind, rules)
    ]
    return {
        "name": kind,
        "type": PREDICATES[kind][0],
        "attestors": [signers],
        **({"conditions": [{"all": conditions}]} if conditions else {}),
    }


def _conditions(kind: Attestation, rules: VerificationRules) -> Iterator[tuple[str, str | bool]]:
    """JMESPath expressions of the predicate, and what they have to give."""
    if kind == "tests":
        yield "result", "PASSED"
    elif kind == "verdict":
        yield "verificationResult", "PASSED"
        if rules.verdict.verifiers:
            yield _matches("verifier.id", rules.verdict.verifiers), True
    elif kind == "provenance":
        if rules.provenance.builders:
            yield _matches("runDetails.builder.id", rules.provenance.builders), True
        if rules.provenance.build_types:
            yield _matches("buildDefinition.buildType", rules.provenance.build_types), True


def _literal(text: str) -> str:
    """A text that Kyverno takes as it stands. Raises UsageError for one with a variable or a reference."""
    if "{{" in text or "$(" in text:
        raise UsageError(
            f"{text} cannot be written for a ClusterPolicy: {{{{ and $( start a variable there", hint=_ADVICE
        )
    return text


def _matches(path: str, patterns: Iterable[str]) -> str:
    return f"regex_match('^({alternatives(patterns, bracketed)})$', {path})"
