"""Every rule is in the policy or named as left out; exemptions end with their day."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
import yaml

from pipeline.errors import UsageError
from pipeline.model.verification import (
    ATTESTATIONS,
    AcceptedSigner,
    Admission,
    AdmissionRules,
    Exemption,
    ProvenanceRules,
    VerdictRules,
    VerificationRules,
)
from pipeline.model.verification.identity import Identity, Pattern
from pipeline.policy.admission import WRITERS, Policies, expired, policies_yaml
from pipeline.policy.verification.judge import PREDICATES

TODAY = date(2026, 11, 26)
PEM = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n"
KEY = AcceptedSigner(key="release.pub")
WORKFLOW = AcceptedSigner(None, Identity(Pattern("https://ci/build.yml"), Pattern("https://issuer")))
ANY_WORKFLOW = AcceptedSigner(
    None, Identity(Pattern("^https://ci/.*$", regexp=True), Pattern("^https://issuer[.].*$", regexp=True))
)
COMMIT = "a" * 40
DIGEST = f"sha256:{'d' * 64}"
# A rule, its path, and the text that the policy has to hold where it is not left out.
RULES: dict[str, tuple[VerificationRules, str]] = {
    "provenance.builders": (
        VerificationRules(provenance=ProvenanceRules(builders=("builder-x",))),
        "builder-x",
    ),
    "provenance.build_types": (
        VerificationRules(provenance=ProvenanceRules(build_types=("type-x",))),
        "type-x",
    ),
    "provenance.sources": (VerificationRules(provenance=ProvenanceRules(sources=("source-x",))), "source-x"),
    "provenance.branches": (
        VerificationRules(provenance=ProvenanceRules(branches=("branch-x",))),
        "branch-x",
    ),
    "provenance.tags": (VerificationRules(provenance=ProvenanceRules(tags=("tag-x",))), "tag-x"),
    "provenance.commits": (VerificationRules(provenance=ProvenanceRules(commits=(COMMIT,))), COMMIT),
    "provenance.bases": (VerificationRules(provenance=ProvenanceRules(bases=("base-x",))), "base-x"),
    "provenance.forbidden": (VerificationRules(provenance=ProvenanceRules(forbidden=("bad-x",))), "bad-x"),
    "provenance.max_age": (VerificationRules(provenance=ProvenanceRules(max_age=3)), "72h"),
    "verdict.verifiers": (VerificationRules(verdict=VerdictRules(verifiers=("verifier-x",))), "verifier-x"),
    "verdict.policies": (VerificationRules(verdict=VerdictRules(policies=(DIGEST,))), DIGEST),
    "verdict.max_age": (VerificationRules(verdict=VerdictRules(max_age=3)), "72h"),
}


def admission(
    rules: VerificationRules, *images: str, signers: tuple[AcceptedSigner, ...] = (KEY,)
) -> Admission:
    """Rules for some images."""
    return Admission((AdmissionRules(images or ("r.example/app",), replace(rules, signers=signers)),))


def written(kind: str, rules: Admission) -> Policies:
    """What a writer gives, which is the same as YAML."""
    policies = WRITERS[kind](rules, {"release.pub": PEM}, TODAY, "lockage")
    text = policies_yaml(policies, "lockage", "rules.yml")
    assert list(yaml.safe_load_all(text)) == [policy.document for policy in policies.documents]
    assert text == policies_yaml(
        WRITERS[kind](rules, {"release.pub": PEM}, TODAY, "lockage"), "lockage", "rules.yml"
    )
    folded = text.replace("\n#   ", " ")
    assert all(left_out.partition(": ")[2] in folded for left_out in policies.missing)
    return policies


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_in_the_policy_or_left_out_by_name(kind: str, rule: str) -> None:
    rules, text = RULES[rule]
    policies = written(kind, admission(rules))
    (policy,) = policies.documents
    has = text in json.dumps(policy.document)
    named = any(rule in left or f"{rule.partition('.')[0]}: only that" in left for left in policy.left_out)
    assert has != named, (has, policy.left_out)
    if kind == "ImageValidatingPolicy":
        assert has == (rule != "provenance.bases")


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("attestation", ATTESTATIONS)
def test_attestations_are_demanded_by_their_types(kind: str, attestation: Any) -> None:
    (policy,) = written(kind, admission(VerificationRules(attestations=(attestation,)))).documents
    text = json.dumps(policy.document)
    assert PREDICATES[attestation][0] in text
    other = written(kind, admission(VerificationRules())).documents[0]
    assert not any(
        predicate in json.dumps(other.document) for types in PREDICATES.values() for predicate in types
    )
    if attestation in {"tests", "verdict"}:
        assert "PASSED" in text or any(f"{attestation}: only that" in left for left in policy.left_out)


@pytest.mark.parametrize("kind", WRITERS)
def test_signers_are_keys_and_identities(kind: str) -> None:
    (policy,) = written(kind, admission(VerificationRules(), signers=(KEY, WORKFLOW, ANY_WORKFLOW))).documents
    text = json.dumps(policy.document)
    assert "MFkw" in text
    assert '"subject": "https://ci/build.yml"' in text or "subject: https://ci/build.yml" in text
    assert "^https://ci/.*$" in text and "^https://issuer[.].*$" in text


def test_policy_controller_says_what_it_does_with_keys() -> None:
    by_key, by_identity = (
        written("ClusterImagePolicy", admission(VerificationRules(), signers=(signer,))).documents[0]
        for signer in (KEY, WORKFLOW)
    )
    assert any("keyless signers only" in note for note in by_key.notes)
    assert "signatureFormat" not in json.dumps(by_key.document)
    assert not by_identity.notes and '"signatureFormat": "bundle"' in json.dumps(by_identity.document)


def test_only_the_first_rules_that_match_are_asked() -> None:
    rules = Admission(
        (
            AdmissionRules(("r.example/a/*",), VerificationRules((KEY,))),
            AdmissionRules(("r.example/**",), VerificationRules((WORKFLOW,))),
        )
    )
    first, second = written("ImageValidatingPolicy", rules).documents
    (applies,) = second.document["spec"]["matchImageReferences"]
    assert "!" in applies["expression"] and r"r\\.example/a/[^/]*" in applies["expression"]
    assert "!" not in first.document["spec"]["matchImageReferences"][0]["expression"]


def exempt(image: str, until: date) -> Admission:
    """Rules for everything, and one exemption."""
    return replace(
        admission(VerificationRules(), "r.example/**"),
        exemptions=(Exemption((image,), "ops", "moves", until),),
    )


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize(("until", "holds"), [(TODAY, True), (date(2026, 11, 25), False)])
def test_an_exemption_holds_to_the_end_of_its_day(kind: str, until: date, holds: bool) -> None:
    rules = exempt("r.example/old", until)
    policies = written(kind, rules)
    text = policies_yaml(policies, "lockage", "rules.yml")
    exempts = kind != "ClusterImagePolicy"
    body = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    assert ("example/old" in body.replace("\\", "")) == (holds and exempts)
    assert ("moves" in text) == holds
    assert bool(expired(rules.exemptions, TODAY)) != holds


def test_a_cluster_policy_exempts_no_more_than_it_says() -> None:
    with pytest.raises(UsageError, match=r"cannot exempt r\.example/\*"):
        written("ClusterPolicy", exempt("r.example/*", TODAY))
    written("ClusterPolicy", exempt("r.example/old/**", TODAY))


def test_docker_hub_is_matched_by_each_of_its_names() -> None:
    """Kyverno matches a ClusterPolicy's globs with the name as the pod has it, but for the host of a short one."""
    (policy,) = written("ClusterPolicy", admission(VerificationRules(), "docker.io/library/debian")).documents
    globs = policy.document["spec"]["rules"][0]["verifyImages"][0]["imageReferences"]
    for host in ("docker.io", "index.docker.io"):
        assert {
            f"{host}/{path}{end}" for path in ("debian", "library/debian") for end in (":*", "@*")
        } <= set(globs)


@pytest.mark.parametrize("identity", ["https://ci/{{ request.object }}", "https://ci/$(x)"])
def test_a_cluster_policy_refuses_what_kyverno_would_substitute(identity: str) -> None:
    rules = admission(
        VerificationRules(),
        signers=(AcceptedSigner(None, Identity(Pattern(identity), Pattern("https://issuer"))),),
    )
    with pytest.raises(UsageError, match="start a variable"):
        written("ClusterPolicy", rules)
    written("ImageValidatingPolicy", rules)


def test_comments_are_one_line_each_whatever_the_text() -> None:
    rules = exempt("r.example/old", TODAY)
    reason = "a\nkind: Pod\r\x85b\u2028c"
    rules = replace(rules, exemptions=(replace(rules.exemptions[0], reason=reason),))
    (document,) = yaml.safe_load_all(
        policies_yaml(WRITERS["ClusterPolicy"](rules, {"release.pub": PEM}, TODAY, "x"), "l", "r")
    )
    assert document["kind"] == "ClusterPolicy"


@pytest.mark.parametrize("kind", ["ImageValidatingPolicy", "ClusterPolicy", "ClusterImagePolicy"])
def test_a_sigstore_of_ones_own_is_named_as_left_out(kind: str) -> None:
    """The policy itself verifies by the public one's roots, which know nobody of it."""
    rules, own = RULES["provenance.builders"][0], replace(WORKFLOW, trusted_root="sigstore/root.json")
    (missing,) = [
        text for text in written(kind, admission(rules, signers=(own, own))).missing if "root" in text
    ]
    assert "the trusted root sigstore/root.json" in missing and "docs/admission.md" in missing
    assert not any("root" in text for text in written(kind, admission(rules, signers=(WORKFLOW,))).missing)
