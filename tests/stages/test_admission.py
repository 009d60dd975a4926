"""What the written policies admit: Kyverno's own command judges images of a real registry, as `verify --rules` does."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipeline.model import Descriptor, Reference, Repository
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
from pipeline.policy.admission import WRITERS, policies_yaml
from pipeline.registry import Registry
from pipeline.run.gates.rules import RulesInForce, check_rules
from pipeline.trust import CYCLONEDX, SIGNATURE, SPDX, VULNERABILITIES, PublicKey, Statement, attach
from tests.registry import images
from tests.tools.judges import CUE, KYVERNO, ask, program
from tests.tools.signing.bundles import KEY, OTHER_KEY, public, signed

pytestmark = pytest.mark.real

PROVENANCE = "https://slsa.dev/provenance/v1"
TESTS = "https://in-toto.io/attestation/test-result/v0.1"
VERDICT = "https://slsa.dev/verification_summary/v1"
COMMIT, OTHER, POLICY = "a" * 40, "b" * 40, "e" * 64
NOW = 1_798_000_000
RULES = VerificationRules(
    (AcceptedSigner(key="release.pub"),),
    ATTESTATIONS,
    ProvenanceRules(
        builders=("https://ci.example/acme/**",),
        build_types=("https://lockage.example/build/v*",),
        sources=("https://git.example/acme/*",),
        branches=("main", "release/*"),
        tags=("v*",),
        commits=(COMMIT,),
        forbidden=(f"sha256:{'f' * 64}", "pkg:pypi/evil@**"),
        max_age=36_500,
    ),
    VerdictRules(("https://lockage.example/**",), (f"sha256:{POLICY}",), 36_500),
)


@dataclass(frozen=True)
class Case:
    """An image and what is attached to it. `refused` is the rule that it does not meet; `by_cluster_policy` says if
    a ClusterPolicy, which judges fewer rules and no SPDX, admits it."""

    refused: str = ""
    by_cluster_policy: bool = False
    predicates: Mapping[str, Any] = field(default_factory=dict)  # replaced ones, None for those left out
    key: Any = KEY


def provenance(
    ref: str = "refs/heads/main",
    source: str = "https://git.example/acme/images",
    commit: str = COMMIT,
    builder: str = "https://ci.example/acme/runner",
    finished: str = "2026-01-01T00:00:00Z",
    more: tuple[Mapping[str, Any], ...] = (),
) -> dict[str, Any]:
    """SLSA provenance, as little as there may be."""
    checkout = {"uri": f"git+{source}@{ref}", "digest": {"gitCommit": commit}}
    base = {"name": "base", "uri": "pkg:docker/debian@12", "digest": {"sha256": "d" * 64}}
    definition = {
        "buildType": "https://lockage.example/build/v1",
        "resolvedDependencies": [base, checkout, *more],
    }
    run = {"builder": {"id": builder}, "metadata": {"finishedOn": finished}}
    return {"buildDefinition": definition, "runDetails": run}


def verdict(result: str = "PASSED", policy: str = POLICY) -> dict[str, Any]:
    """A verification summary."""
    return {
        "verificationResult": result,
        "verifier": {"id": "https://lockage.example/gates"},
        "policy": {"digest": {"sha256": policy}},
        "timeVerified": "2026-01-01T00:00:00Z",
    }


def with_provenance(**changes: Any) -> Mapping[str, Any]:
    """Another provenance."""
    return {PROVENANCE: provenance(**changes)}


WHOLE: Mapping[str, Any] = {
    SIGNATURE: {},
    CYCLONEDX: {"bomFormat": "CycloneDX"},
    VULNERABILITIES: {"scanner": {}},
    PROVENANCE: provenance(),
    TESTS: {"result": "PASSED"},
    VERDICT: verdict(),
}
NO_FIELD = "no such key"  # what CEL says
CASES = {
    "signed": Case(by_cluster_policy=True),
    "of-a-tag": Case("", True, with_provenance(ref="refs/tags/v1.2")),
    "spdx-only": Case(predicates={CYCLONEDX: None, SPDX: {"spdxVersion": "SPDX-2.3"}}),
    "unsigned": Case("signers", predicates=dict.fromkeys(WHOLE)),
    "signed-by-a-stranger": Case("signers", key=OTHER_KEY),
    "signed-without-attestations": Case(
        "attestations.sbom", predicates=dict.fromkeys(set(WHOLE) - {SIGNATURE})
    ),
    "no-findings": Case("attestations.findings", predicates={VULNERABILITIES: None}),
    "closed": Case("verdict.result", predicates={VERDICT: verdict("FAILED")}),
    "other-policy": Case("verdict.policies", True, {VERDICT: verdict(policy="c" * 64)}),
    "no-result": Case(NO_FIELD, predicates={VERDICT: {"verifier": {"id": "https://lockage.example/gates"}}}),
    "no-builder": Case(NO_FIELD, predicates={PROVENANCE: {**provenance(), "runDetails": {}}}),
    "no-test-result": Case(NO_FIELD, predicates={TESTS: {}}),
    "tests-failed": Case("attestations.tests", predicates={TESTS: {"result": "FAILED"}}),
    "other-builder": Case(
        "provenance.builders", predicates=with_provenance(builder="https://ci.example/evil/acme/x")
    ),
    "other-branch": Case("provenance.branches", True, with_provenance(ref="refs/heads/release/1/2")),
    "other-source": Case(
        "provenance.sources", True, with_provenance(source="https://git.example/evil/acme/x")
    ),
    "other-commit": Case("provenance.commits", True, with_provenance(commit=OTHER)),
    "forbidden": Case("provenance.forbidden", True, with_provenance(more=({"uri": "pkg:pypi/evil@1/x"},))),
    "forbidden-digest": Case(
        "provenance.forbidden",
        True,
        with_provenance(more=({"uri": "pkg:pypi/good@1", "digest": {"sha256": "f" * 64}},)),
    ),
    "old": Case("provenance.max_age", True, with_provenance(finished="1910-01-01T00:00:00Z")),
}


async def publish(registry: Registry, repository: Repository, case: Case) -> Descriptor:
    """An image of one platform with its statements, tagged 1."""
    image = images.image(str(repository), platforms=("linux/amd64",), layers=1)
    await images.push(registry, repository, image)
    (child,) = image.children
    subject = await registry.put_manifest(repository, child.raw, child.media_type, tag="1")
    for kind, predicate in {**WHOLE, **case.predicates}.items():
        if predicate is not None:
            payload = Statement(subject.digest, kind, predicate).to_json()
            await attach(registry, repository, subject, signed(payload, case.key), created=0)
    return subject


_REPORTING = ("--registry", "--policy-report", "--output-format", "json", "--continue-on-fail")


def refusals(folder: Path, policies: str, pods: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """Why Kyverno refuses each pod; nothing for one that it admits."""
    (folder / "policies.yaml").write_text(policies)
    documents = [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "apps"}, "spec": spec}
        for name, spec in pods.items()
    ]
    (folder / "pods.yaml").write_text("\n---\n".join(map(json.dumps, documents)))
    done = subprocess.run(
        [program(KYVERNO), "apply", "policies.yaml", "--resource", "pods.yaml", *_REPORTING],
        cwd=folder,
        env={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout, done.stderr)
    refused: dict[str, list[str]] = {name: [] for name in pods}
    for result in json.loads(done.stdout[done.stdout.index("{") :])["results"]:
        if result["result"] not in {"pass", "skip"}:
            refused[result["resources"][0]["name"]].append(result["message"])
    return refused


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["ImageValidatingPolicy", "ClusterPolicy"])
async def test_kyverno_admits_what_the_rules_do(
    kind: str, registry: Registry, olareg: str, tmp_path: Path
) -> None:
    root = f"{olareg}/admission/{kind.lower()}"
    pods: dict[str, Mapping[str, Any]] = {}
    expected: dict[str, str] = {}
    signatories = (PublicKey(public(), "release.pub"),)
    for name, case in CASES.items():
        repository = Reference.parse(f"{root}/{name}").repository
        subject = await publish(registry, repository, case)
        reference = repository.at(subject.digest)
        pods[name] = {"containers": [{"name": "app", "image": str(reference)}]}
        checked = await check_rules(registry, reference, RulesInForce(RULES, signatories, "rules"), NOW)
        assert (not checked.unmet) == (not case.refused), (name, checked.unmet)
        expected[name] = case.refused

    good, bad = (pods[name]["containers"][0]["image"] for name in ("signed", "unsigned"))
    for field_name in ("initContainers", "ephemeralContainers"):
        name = field_name.lower()
        pods[name] = {
            "containers": [{"name": "app", "image": good}],
            field_name: [{"name": "more", "image": bad}],
        }
        expected[name] = "signers"
    pods["exempt"] = {"containers": [{"name": "app", "image": bad.replace("/unsigned@", "/old/unsigned@")}]}
    pods["of-nobody"] = {"containers": [{"name": "app", "image": bad.replace("/admission/", "/elsewhere/")}]}
    pods["by-tag"] = {"containers": [{"name": "app", "image": f"{good.partition('@')[0]}:1"}]}
    expected |= {"exempt": "", "of-nobody": "", "by-tag": "digest"}

    rules = Admission(
        (AdmissionRules((f"{root}/**",), RULES),),
        (Exemption((f"{root}/old/**",), "ops", "is replaced", date(2027, 1, 1)),),
    )
    policies = WRITERS[kind](rules, {"release.pub": public().decode()}, date(2026, 1, 1), "lockage")
    found = refusals(tmp_path, policies_yaml(policies, "lockage", "rules.yml"), pods)
    if kind == "ClusterPolicy":  # its digest is written in before it is asked
        admitted = {name for name, case in CASES.items() if case.by_cluster_policy}
        assert {name for name, messages in found.items() if not messages} == {
            *admitted,
            "by-tag",
            "exempt",
            "of-nobody",
        }
        return
    for name, rule in expected.items():
        assert len(found[name]) == bool(rule) and all(rule in message for message in found[name]), (
            name,
            found,
        )


JUDGED = {"attestations.tests", "verdict.result", "provenance.builders", NO_FIELD}


def test_policy_controller_decides_alike_of_each_statement() -> None:
    """Of the rules that its policies hold; CUE supplies a field that is missing, unless the field is required."""
    rules = Admission((AdmissionRules(("r.example/**",), RULES),))
    (policy,) = WRITERS["ClusterImagePolicy"](
        rules, {"release.pub": ""}, date(2026, 1, 1), "lockage"
    ).documents
    (authority,) = policy.document["spec"]["authorities"]
    questions, expected = [], []
    for name, case in CASES.items():
        predicates = {**WHOLE, **case.predicates}
        for attestation in authority["attestations"]:
            kind, cue = attestation["predicateType"], attestation.get("policy", {}).get("data")
            if cue and predicates[kind] is not None:
                statement = {"_type": "https://in-toto.io/Statement/v1", "predicateType": kind, "subject": []}
                questions.append({"policy": cue, "statement": {**statement, "predicate": predicates[kind]}})
                expected.append((name, kind, case.refused in JUDGED and kind in case.predicates))
    answers = ask(CUE, questions)
    assert [
        (name, kind, bool(refusal)) for (name, kind, _), refusal in zip(expected, answers, strict=True)
    ] == expected
    assert sum(refused for *_, refused in expected) == 6


@pytest.mark.anyio
async def test_an_index_that_lists_no_image_meets_no_rules(registry: Registry, olareg: str) -> None:
    """Whoever signed it: nothing of what the rules want of platforms was looked at."""
    repository = Reference.parse(f"{olareg}/admission/empty").repository
    raw = b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}'
    empty = await registry.put_manifest(repository, raw, "application/vnd.oci.image.index.v1+json")
    in_force = RulesInForce(VerificationRules(), (PublicKey(public(), "release.pub"),), "rules")
    checked = await check_rules(registry, repository.at(empty.digest), in_force, NOW)
    assert "platforms" in {check.rule for _, check in checked.unmet}
