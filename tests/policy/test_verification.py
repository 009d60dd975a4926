"""Rules for who built an image, from what and when, against what is signed about it."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.model.verification import ProvenanceRules, VerdictRules, VerificationRules
from pipeline.policy.verification.judge import Attested, judge_attestations
from pipeline.util.timestamps import parse_timestamp

NOW = parse_timestamp("2026-11-26T12:00:00Z")
PROVENANCE = "https://slsa.dev/provenance/v1"
VSA = "https://slsa.dev/verification_summary/v1"
TESTS = "https://in-toto.io/attestation/test-result/v0.1"


def provenance(ref: str = "refs/heads/main", finished: str = "2026-11-20T12:00:00Z", **more: Any) -> Attested:
    dependencies = [
        {"uri": f"git+https://github.com/acme/images@{ref}", "digest": {"gitCommit": "c" * 40}},
        {
            "uri": "pkg:docker/debian@bookworm-slim?repository_url=docker.io%2Flibrary%2Fdebian",
            "digest": {"sha256": "a" * 64},
            "annotations": {"role": "base"},
        },
        {
            "uri": "pkg:docker/syft@v1?repository_url=docker.io%2Fanchore%2Fsyft",
            "annotations": {"role": "tool"},
        },
    ]
    predicate: dict[str, object] = {
        "buildDefinition": {
            "buildType": "https://lockage.org/build/v1",
            "externalParameters": {},
            "resolvedDependencies": dependencies,
        },
        "runDetails": {
            "builder": {"id": "https://github.com/acme/images/.github/workflows/build.yml@refs/heads/main"},
            "metadata": {"finishedOn": finished},
        },
    }
    return Attested(PROVENANCE, predicate | more)


def summary(result: str = "PASSED", **more: Any) -> Attested:
    predicate: dict[str, object] = {
        "verifier": {"id": "https://lockage.org/verifier"},
        "timeVerified": "2026-11-26T00:00:00Z",
        "policy": {"uri": "lockage.yml", "digest": {"sha256": "b" * 64}},
        "verificationResult": result,
    }
    return Attested(VSA, predicate | more)


def failures(rules: VerificationRules, *attested: Attested) -> dict[str, str]:
    """The rules that are not met, with what was found."""
    return {check.rule: check.found for check in judge_attestations(rules, attested, NOW) if not check.passed}


MET = (
    ProvenanceRules(builders=("https://github.com/acme/images/.github/workflows/build.yml@refs/heads/main",)),
    ProvenanceRules(builders=("https://github.com/acme/*/.github/workflows/*@**",)),
    ProvenanceRules(build_types=("https://lockage.org/build/v1",)),
    ProvenanceRules(sources=("https://github.com/acme/*",)),
    ProvenanceRules(branches=("main",)),
    ProvenanceRules(branches=("release/*", "main")),
    ProvenanceRules(branches=("main",), tags=("v*",)),
    ProvenanceRules(commits=("c" * 40,)),
    ProvenanceRules(bases=("docker.io/library/debian",)),
    ProvenanceRules(bases=("docker.io/library/*",)),
    ProvenanceRules(forbidden=("sha256:" + "d" * 64, "pkg:docker/alpine@**")),
    ProvenanceRules(max_age=6),
)
UNMET = (
    (ProvenanceRules(builders=("https://github.com/acme/*",)), "provenance.builders"),
    (ProvenanceRules(build_types=("https://lockage.org/build/v2",)), "provenance.build_types"),
    (ProvenanceRules(sources=("https://github.com/acme/image",)), "provenance.sources"),
    (ProvenanceRules(sources=("https://github.com/other/*",)), "provenance.sources"),
    (ProvenanceRules(branches=("release/*",)), "provenance.branches"),
    (ProvenanceRules(branches=("mai",)), "provenance.branches"),
    (ProvenanceRules(tags=("main",)), "provenance.tags"),
    (ProvenanceRules(commits=("d" * 40,)), "provenance.commits"),
    (ProvenanceRules(bases=("docker.io/library/alpine",)), "provenance.bases"),
    (ProvenanceRules(forbidden=("sha256:" + "a" * 64,)), "provenance.forbidden"),
    (ProvenanceRules(forbidden=("pkg:docker/syft@**",)), "provenance.forbidden"),
    (ProvenanceRules(max_age=5), "provenance.max_age"),
)


@pytest.mark.parametrize("rules", MET)
def test_a_rule_that_is_met(rules: ProvenanceRules) -> None:
    assert failures(VerificationRules(provenance=rules), provenance()) == {}


@pytest.mark.parametrize(("rules", "rule"), UNMET)
def test_a_rule_that_is_not_met_is_named(rules: ProvenanceRules, rule: str) -> None:
    assert list(failures(VerificationRules(provenance=rules), provenance())) == [rule]


def test_a_git_tag_is_no_branch_of_that_name() -> None:
    of_tag = provenance("refs/tags/main")
    assert failures(VerificationRules(provenance=ProvenanceRules(branches=("main",))), of_tag) == {
        "provenance.branches": "refs/tags/main"
    }
    assert failures(VerificationRules(provenance=ProvenanceRules(tags=("main",))), of_tag) == {}


def test_a_modified_checkout_is_no_commit_and_no_branch() -> None:
    built = provenance()
    definition: dict[str, Any] = built.predicate["buildDefinition"]  # type: ignore[assignment]
    definition["externalParameters"] = {"source": {"modified": True}}
    rules = VerificationRules(provenance=ProvenanceRules(branches=("main",), commits=("c" * 40,)))
    assert failures(rules, built) == {
        "provenance.branches": "refs/heads/main, with changes that are not committed",
        "provenance.commits": f"{'c' * 40}, with changes that are not committed",
    }


def test_a_checkout_without_an_address_is_of_its_branch_all_the_same() -> None:
    built = provenance()
    definition: dict[str, Any] = built.predicate["buildDefinition"]  # type: ignore[assignment]
    definition["resolvedDependencies"][0] = {"name": "source", "digest": {"gitCommit": "c" * 40}}
    definition["externalParameters"] = {"source": {"ref": "refs/heads/main", "commit": "c" * 40}}
    rules = ProvenanceRules(branches=("main",), commits=("c" * 40,), sources=("https://github.com/acme/**",))
    assert failures(VerificationRules(provenance=rules), built) == {"provenance.sources": "none"}


def test_without_roles_every_image_is_a_base() -> None:
    built = provenance()
    definition: dict[str, Any] = built.predicate["buildDefinition"]  # type: ignore[assignment]
    for dependency in definition["resolvedDependencies"]:
        dependency.pop("annotations", None)
    rules = VerificationRules(provenance=ProvenanceRules(bases=("docker.io/library/*",)))
    assert list(failures(rules, built)) == ["provenance.bases"]


def test_a_rule_wants_its_attestation() -> None:
    rules = VerificationRules(provenance=ProvenanceRules(branches=("main",)))
    assert failures(rules) == {"attestations.provenance": "none"}


def test_one_statement_has_to_meet_all_rules() -> None:
    rules = VerificationRules(provenance=ProvenanceRules(branches=("main",), max_age=3))
    old_of_main = provenance()
    new_of_another = provenance("refs/heads/x", finished="2026-11-26T00:00:00Z")
    assert list(failures(rules, old_of_main, new_of_another)) == ["provenance.max_age"]
    assert failures(rules, old_of_main, provenance(finished="2026-11-26T00:00:00Z")) == {}


@pytest.mark.parametrize(
    "more",
    [
        {"buildDefinition": []},
        {"buildDefinition": {"buildType": "x", "resolvedDependencies": "all"}},
        {"runDetails": {"builder": {"id": 7}}},
        {"runDetails": {"builder": {"id": ""}}},
        {"runDetails": {"builder": {"id": "x"}, "metadata": {"finishedOn": "yesterday"}}},
        {"buildDefinition": {"buildType": "x", "resolvedDependencies": [{}] * 10_001}},
    ],
)
def test_what_cannot_be_read_has_failed_and_says_why(more: dict[str, object]) -> None:
    rules = VerificationRules(provenance=ProvenanceRules(branches=("main",)))
    (rule, found), *others = failures(rules, provenance(**more)).items()
    assert (rule, others) == ("provenance", [])
    assert found


def test_a_build_that_will_end_tomorrow_is_refused() -> None:
    rules = VerificationRules(provenance=ProvenanceRules(max_age=30))
    assert failures(rules, provenance(finished="2026-11-27T12:00:00Z")) == {
        "provenance.max_age": "a time to come"
    }


VERDICTS = (
    (VerdictRules(verifiers=("https://lockage.org/**",)), {}),
    (
        VerdictRules(verifiers=("https://other.org/**",)),
        {"verdict.verifiers": "https://lockage.org/verifier"},
    ),
    (VerdictRules(policies=("sha256:" + "b" * 64,)), {}),
    (VerdictRules(policies=("sha256:" + "c" * 64,)), {"verdict.policies": "sha256:" + "b" * 64}),
    (VerdictRules(max_age=1), {}),
)


@pytest.mark.parametrize(("rules", "unmet"), VERDICTS)
def test_a_verdict_counts_by_its_verifier_its_policy_and_its_age(
    rules: VerdictRules, unmet: dict[str, str]
) -> None:
    assert failures(VerificationRules(verdict=rules), summary()) == unmet


def test_a_verdict_that_did_not_pass_closes() -> None:
    rules = VerificationRules(attestations=("verdict",))
    assert failures(rules, summary("FAILED")) == {"verdict.result": "FAILED"}
    assert failures(rules, summary("FAILED"), summary()) == {}


@pytest.mark.parametrize(("result", "unmet"), [("PASSED", {}), ("FAILED", {"attestations.tests": "FAILED"})])
def test_tests_have_to_have_passed(result: str, unmet: dict[str, str]) -> None:
    tests = Attested(TESTS, {"result": result})
    assert failures(VerificationRules(attestations=("tests",)), tests) == unmet


def test_what_is_required_is_listed_with_what_is_there() -> None:
    rules = VerificationRules(attestations=("sbom", "findings"))
    assert failures(rules, Attested("https://spdx.dev/Document", {})) == {"attestations.findings": "none"}
    checks = judge_attestations(rules, [Attested("https://cyclonedx.org/bom", {})], NOW)
    assert [check.to_json()["passed"] for check in checks] == [True, False]
