"""The generated Jenkinsfile, run by Groovy: the branch twice in the same workspaces, a tag, the timer."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import pytest

from tests.real.builds.test_canaries import forms_of
from tests.real.site import Site
from tests.real.tools import crane, tags
from tests.tools.ci.jenkins import Builds, Ran
from tests.tools.ci.job_claims import jenkins_claims
from tests.tools.git import git
from tests.tools.signing.bundles import new_pair
from tests.tools.signing.sigstore_services import BUILD_ISSUER, sigstore

from . import project as jobs
from .test_pull_requests import published

pytestmark = pytest.mark.real

IMAGES = ("base", "app")
STAGES = dict.fromkeys(("build", "publish", "release", "rescan", "retention", "outdated"), "SKIPPED")
JOB = "http://127.0.0.1/job/images/job/"  # on the issuer's host, as with Jenkins' own issuer
REGISTRY = "canary-of-the-registry"


@dataclass(frozen=True)
class Job(jobs.Hosted):
    """A multibranch job: its builds, and its credentials."""

    builds: Builds

    @property
    def secrets(self) -> dict[str, str]:
        """Credentials by id."""
        config = self.root.parent / "secretFiles" / "config.json"
        config.parent.mkdir(exist_ok=True)
        config.write_text(
            json.dumps({"auths": {"registry.example": {"username": "robot", "password": REGISTRY}}})
        )
        return {
            "lockage-registry": str(config),
            "lockage-cosign-key": self.keys.private.decode(),
            "lockage-cosign-public": self.keys.public.decode(),
            "lockage-cosign-password": self.keys.password,
        }

    def run(self, *, timer: bool = False, **event: str) -> Ran:
        """A build for an event."""
        return self.builds.run(event, self.secrets, timer=timer)


@pytest.fixture(scope="module")
def jenkins(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """The job, before its first build."""
    folder = tmp_path_factory.mktemp("jenkins")
    root = jobs.project(site, folder, __name__, "jenkins")
    return Job(site, root, new_pair(), Builds(root, folder, jobs.runner(site)))


@pytest.fixture(scope="module")
def branch(jenkins: Job) -> Ran:
    """The first build of the branch."""
    return jenkins.run(BRANCH_NAME="main")


def test_the_branch(branch: Ran, jenkins: Job) -> None:
    page = json.loads((branch.artifacts / "summary/report.json").read_text())
    assert len(page["targets"]) == 4, branch.log
    assert branch.stages == STAGES | {"build": "SUCCESS", "publish": "SUCCESS"}, branch.log
    pushed = [line for line in branch.kept if "lockage push" in line]
    assert len(pushed) == 2 and "1.0.0/linux-arm64" in pushed[1]
    for image in IMAGES:
        assert {"1.0.0", "1.0", "1"} <= tags(jenkins.repository("prod", image))
        index = json.loads(crane("manifest", f"{jenkins.repository('prod', image)}:1.0.0"))
        assert {entry["platform"]["architecture"] for entry in index["manifests"]} == {"amd64", "arm64"}


def test_no_secret_is_in_a_log_or_in_what_is_kept_of_a_build(branch: Ran, jenkins: Job) -> None:
    """Jenkins keeps the arguments of steps on its controller, and masks only what it got from its credentials."""
    secrets = jenkins.secrets | {"lockage-cosign-key": jenkins.keys.private.decode().splitlines()[2]}
    secrets |= {"lockage-registry": REGISTRY}
    del secrets["lockage-cosign-public"]
    files = [path for path in jenkins.builds.folder.glob("workspaces/*/reports/**/*") if path.is_file()]
    assert "statements" in branch.log and len(files) > 5
    for name, word in secrets.items():
        for form in forms_of(word):
            assert form not in branch.log + "\n".join(branch.kept), name
            for file in files:
                assert form.encode() not in file.read_bytes(), f"{name} in {file}"


def test_the_timer(branch: Ran, jenkins: Job) -> None:
    ran = jenkins.run(timer=True, BRANCH_NAME="main")
    assert ran.stages == dict.fromkeys(STAGES, "SUCCESS") | {"release": "SKIPPED"}, ran.log
    assert "jobs are up to date" in ran.log


def test_a_pull_request_gets_no_credentials_and_pushes_nothing(branch: Ran, jenkins: Job) -> None:
    before = published(jenkins.site)
    event = {"BRANCH_NAME": "PR-7", "CHANGE_ID": "7", "CHANGE_TARGET": "main"}
    ran = jenkins.builds.run(event, {})
    assert ran.stages == STAGES | {"build": "SUCCESS"}, ran.log
    assert ran.log.count("nothing is pushed, signed or promoted") == 2
    page = json.loads((ran.artifacts / "summary/report.json").read_text())
    assert [target["status"] for target in page["targets"]] == [
        "built"
    ] * 4  # this registry shows nothing to strangers
    assert published(jenkins.site) == before


def test_a_tag_releases(branch: Ran, jenkins: Job) -> None:
    """In a workspace where reports of an earlier build lie: nothing is promoted from a work tree with changes."""
    git(jenkins.root, "tag", "v2.3.0")
    ran = jenkins.run(BRANCH_NAME="v2.3.0", TAG_NAME="v2.3.0")
    assert ran.stages == STAGES | {"release": "SUCCESS"}, ran.log
    for image in IMAGES:
        place = jenkins.repository("prod", image)
        assert {"v2.3.0", "v2.3", "v2", "latest"} <= tags(place)
        assert crane("digest", f"{place}:v2.3.0") == crane("digest", f"{place}:1.0.0")
    assert (ran.artifacts / "release/RELEASE.md").exists()


def test_the_identity_of_a_build_signs(
    branch: Ran, jenkins: Job, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Jenkins' plugin puts the token into the credential; its subject is the address of the branch's or tag's job."""
    with sigstore(tmp_path_factory.mktemp("sigstore")) as services:
        signer = {"identity_regexp": f"^{re.escape(JOB)}(main|v2\\.4\\.0)/$", "issuer": services.builds}
        jobs.sign_without_a_key(jenkins.site, jenkins.root, services, signer, "jenkins")
        git(jenkins.root, "tag", "v2.4.0")
        for name, event, reference in (("main", {}, "1.0.0"), ("v2.4.0", {"TAG_NAME": "v2.4.0"}, "v2.4.0")):
            claims = jenkins_claims(f"{JOB}{name}/")
            token = services.issuer.mint(BUILD_ISSUER, claims, lifetime=3600)
            secrets = jenkins.secrets | {"lockage-identity-token": token}
            ran = jenkins.builds.run({"BRANCH_NAME": name, **event}, secrets)
            assert "FAILURE" not in ran.stages.values(), ran.log
            assert token.split(".")[2] not in ran.log + "".join(ran.kept)
            for image in IMAGES:
                place = f"{jenkins.repository('prod', image)}:{reference}"
                jobs.verify_identity(services, place, f"{JOB}{name}/", services.builds)
