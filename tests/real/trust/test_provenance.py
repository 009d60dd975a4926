"""Provenance, verdicts and test results as cosign reads them: on platforms and index, before and after promotion."""

from __future__ import annotations

import base64
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.model import Digest, Reference
from tests.real import samples
from tests.real.conftest import checkout
from tests.real.site import Site
from tests.real.tools import cosign, crane
from tests.tools import peers
from tests.tools.admission import refusal
from tests.tools.git import commit, git
from tests.tools.signing.bundles import new_pair

pytestmark = pytest.mark.real

TYPES = {
    "slsaprovenance1": "https://slsa.dev/provenance/v1",
    "https://slsa.dev/verification_summary/v1": "https://slsa.dev/verification_summary/v1",
    "https://in-toto.io/attestation/test-result/v0.1": "https://in-toto.io/attestation/test-result/v0.1",
}
PROVENANCE, SUMMARY, TESTED = TYPES
GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "acme/images",
    "GITHUB_WORKFLOW_REF": "acme/images/.github/workflows/images.yml@refs/heads/main",
    "GITHUB_REF": "refs/heads/main",
    "GITHUB_REF_NAME": "main",
    "GITHUB_REF_TYPE": "branch",
    "GITHUB_RUN_ID": "77",
    "GITHUB_RUN_ATTEMPT": "2",
    "RUNNER_ENVIRONMENT": "github-hosted",
}


@dataclass(frozen=True)
class Published:
    """An image with a dependent, built by a workflow and promoted; `root` is its checkout."""

    root: Path
    index: str
    child: str


@pytest.fixture(scope="module")
def published(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Published:
    files = samples.system("base") | samples.system("app", "FROM base:1.2.3\n")
    root = checkout(tmp_path_factory.mktemp("provenance") / "project", __name__, files)
    images = site.run("run", "--to", "prod", "--json", cwd=root, **GITHUB).json["images"]
    app = next(image for image in images if image["image"] == "app")
    index = str(Reference.parse(app["reference"]).by_digest)
    child = json.loads(crane("manifest", index))["manifests"][0]["digest"]
    return Published(root, index, f"{index.partition('@')[0]}@{child}")


def envelopes(site: Site, image: str, kind: str, scratch: Path) -> list[dict[str, Any]]:
    """The statements of a type that cosign verifies on a digest, in their envelopes."""
    key = site.data / "keys" / "cosign.pub"
    done = cosign("verify-attestation", "--key", str(key), "--type", kind, image, root=scratch)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.strip()]


def attested(site: Site, image: str, kind: str, scratch: Path) -> list[dict[str, Any]]:
    """The predicates of a type by cosign's verification of a digest."""
    payloads = [envelope["payload"] for envelope in envelopes(site, image, kind, scratch)]
    statements = [json.loads(base64.b64decode(payload)) for payload in payloads]
    assert {statement["predicateType"] for statement in statements} == {TYPES[kind]}
    return [statement["predicate"] for statement in statements]


def dependencies(predicate: dict[str, Any], role: str) -> dict[str, dict[str, str]]:
    """The digests of what a build was made from, by name."""
    found = predicate["buildDefinition"]["resolvedDependencies"]
    return {d["name"]: d["digest"] for d in found if d["annotations"]["role"] == role}


def test_cosign_verifies_what_is_attested_of_platform_and_index(
    site: Site, published: Published, tmp_path: Path
) -> None:
    (child,) = attested(site, published.child, PROVENANCE, tmp_path)
    (index,) = attested(site, published.index, PROVENANCE, tmp_path)
    source = {
        "repository": "git+https://github.com/acme/images",
        "ref": "refs/heads/main",
        "commit": git(published.root, "rev-parse", "HEAD"),
    }
    for predicate, kind in ((child, "image"), (index, "index")):
        definition, run = predicate["buildDefinition"], predicate["runDetails"]
        assert definition["buildType"] == f"https://lockage.org/build/{kind}/v1"
        assert definition["externalParameters"]["source"] == source
        assert dependencies(predicate, "source") == {"source": {"gitCommit": source["commit"]}}
        assert run["builder"]["id"] == "https://github.com/" + GITHUB["GITHUB_WORKFLOW_REF"]
        assert run["metadata"]["invocationId"] == "https://github.com/acme/images/actions/runs/77/attempts/2"
        assert run["metadata"]["startedOn"] <= run["metadata"]["finishedOn"]
    platform = json.loads(crane("manifest", published.index))["manifests"][0]
    assert dependencies(index, "platform") == {"linux/amd64": {"sha256": platform["digest"][7:]}}

    plan = site.run("plan", "app", "--json", cwd=published.root).json
    app = next(target for target in plan["targets"] if target["image"] == "app")
    (dockerfile,) = dependencies(child, "dockerfile").values()
    assert f"sha256:{dockerfile['sha256']}" == app["dockerfile"]["digest"]
    built = site.run("build", "--json", cwd=published.root).json["targets"]
    base = next(target for target in built if target["image"] == "base")
    assert dependencies(child, "internal-base") == {base["id"]: {"sha256": base["digest"][7:]}}
    assert set(dependencies(child, "inherited")) == {"debian:bookworm-slim"}
    assert plan["tools"]["buildkit"].endswith(dependencies(child, "tool")["buildkit"]["sha256"])

    (tested,) = attested(site, published.child, TESTED, tmp_path)
    assert tested["result"] == "PASSED" and len(tested["passedTests"]) == 2, tested
    gates = Digest.of(json.dumps(app["gates"], sort_keys=True, separators=(",", ":")).encode())
    for image, inputs in ((published.child, 5), (published.index, 6)):
        (verdict,) = attested(site, image, SUMMARY, tmp_path)
        assert verdict["verificationResult"] == "PASSED"
        assert verdict["policy"]["digest"] == {"sha256": gates.hex}
        assert verdict["resourceUri"].startswith(f"pkg:oci/app@{image.partition('@')[2]}?")
        assert len(verdict["inputAttestations"]) == inputs
        for entry in verdict["inputAttestations"]:
            subject = json.loads(crane("manifest", entry["uri"].removeprefix("oci://")))["subject"]
            assert subject["digest"] in (published.child[-71:], published.index[-71:])


@pytest.mark.parametrize("place", ["child", "index"])
def test_slsa_verifier_judges_the_verdict(
    site: Site, published: Published, tmp_path: Path, place: str
) -> None:
    image = getattr(published, place)
    (envelope,) = envelopes(site, image, SUMMARY, tmp_path)
    (tmp_path / "verdict.json").write_text(json.dumps(envelope))
    (verdict,) = attested(site, image, SUMMARY, tmp_path)

    def passes(uri: str, level: str) -> bool:
        command = [peers.slsa_verifier(), "verify-vsa", "--attestation-path", tmp_path / "verdict.json"]
        command += ["--public-key-path", site.data / "keys" / "cosign.pub", "--resource-uri", uri]
        command += ["--verifier-id", "https://lockage.org/verifier/v1", "--verified-level", level]
        command += ["--subject-digest", image.partition("@")[2]]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    assert passes(verdict["resourceUri"], "SLSA_BUILD_LEVEL_1")
    assert not passes(verdict["resourceUri"], "SLSA_BUILD_LEVEL_2"), "no more than what is claimed"
    assert not passes("pkg:oci/other", "SLSA_BUILD_LEVEL_1")


RULES = """\
verify:
  - images: ["**"]
    signers: [{key: release.pub}]
    attestations: [sbom, findings, tests, verdict]
    provenance:
      builders: ["https://github.com/acme/images/.github/workflows/**"]
      sources: [https://github.com/acme/images]
      branches: [main]
      max_age: 1d
"""


def test_one_rule_is_met_for_lockage_cosign_and_kyverno(
    site: Site, published: Published, tmp_path: Path
) -> None:
    """By the same file, of the image that the run made; and refused by all three with a stranger's key in it."""
    image, rules, key = published.child, tmp_path / "rules.yml", tmp_path / "release.pub"
    rules.write_text(RULES)
    for raw, good in (((site.data / "keys" / "cosign.pub").read_bytes(), True), (new_pair().public, False)):
        key.write_bytes(raw)
        site.run("verify", "--rules", rules, image, expect=0 if good else 7)
        assert (cosign("verify", "--key", str(key), image, root=tmp_path).returncode == 0) == good
        write = ["policy", "admission", "kyverno", "--rules", rules, "-o", tmp_path / "policies.yaml"]
        site.run(*write)
        message = refusal(tmp_path, image)
        assert (not message) == good and (good or "signers" in message), message


def test_a_stranger_has_no_provenance(site: Site, published: Published, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger.pub"
    stranger.write_bytes(new_pair().public)
    done = cosign(
        "verify-attestation", "--key", str(stranger), "--type", PROVENANCE, published.child, root=tmp_path
    )
    assert done.returncode != 0
    refused = site.run("rebuild", "--from-provenance", published.child, "--key", stranger, expect=7)
    assert "has no provenance signed by" in refused.err


def test_nothing_is_attested_twice(site: Site, published: Published, tmp_path: Path) -> None:
    kinds = (PROVENANCE, SUMMARY)
    before = [attested(site, published.child, kind, tmp_path) for kind in kinds]
    other = GITHUB | {"GITHUB_RUN_ID": "78"}
    site.run("sign", cwd=published.root, **other)
    site.run("sign", cwd=published.root, LOCKAGE_CACHE=str(tmp_path / "cache"), **other)
    assert [attested(site, published.child, kind, tmp_path) for kind in kinds] == before


def test_promoted_images_keep_what_is_attested(site: Site, published: Published, tmp_path: Path) -> None:
    """The index is asked for the claim of its signature, too, by the tag that people use."""
    for image, kind in ((published.child, TESTED), (published.child, PROVENANCE), (published.index, SUMMARY)):
        promoted = image.replace("/dev/", "/prod/")
        assert attested(site, promoted, kind, tmp_path) == attested(site, image, kind, tmp_path)
    tag = published.index.replace("/dev/", "/prod/").partition("@")[0] + ":1.2.3"
    key = str(site.data / "keys" / "cosign.pub")
    done = cosign("verify", "--key", key, "-a", "provenance=attested", tag, root=tmp_path)
    assert done.returncode == 0, done.stderr
    assert {"provenance", "verification_summary"} <= set(_statements(site.run("verify", tag).out))


def _statements(output: str) -> list[str]:
    return output.partition("statements: ")[2].partition("\n")[0].split(", ")


def test_the_provenance_is_enough_to_build_it_again(site: Site, published: Published, tmp_path: Path) -> None:
    """From the signed provenance and a clone, in a folder that has no catalogue."""
    alone = site.run("rebuild", "--from-provenance", published.index, "--only", "app", expect=None)
    assert alone.code != 0 and "takes the target and its lock from the provenance" in alone.err
    (tmp_path / "other").mkdir()
    commit(tmp_path / "other")
    elsewhere = ("rebuild", "--from-provenance", published.index, "--source", tmp_path / "other")
    failed = site.run(*elsewhere, cwd=tmp_path, expect=None)
    assert failed.code != 0 and "cannot be had from" in failed.err and "Traceback" not in failed.err
    (published.root / "images/app/Dockerfile.tmpl").write_text("FROM base:1.2.3\nRUN false\n")
    arguments = ("rebuild", "--from-provenance", published.index, "--source", published.root, "--json")
    (rebuilt,) = site.run(*arguments, cwd=tmp_path).json["targets"]
    assert rebuilt["status"] == "equal" and rebuilt["known"] == published.child.partition("@")[2]
