"""The generated pipeline, run by gitlab-ci-local: the branch, a merge request, a tag, a schedule."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from tests.forge.gitlab_merges import GitlabMerges
from tests.forge.gitlab_server import GitlabServer
from tests.forge.server import running
from tests.real.builds.test_canaries import forms_of
from tests.real.site import Site
from tests.real.tools import crane, tags
from tests.tools.ci.gitlab_ci_local import PROJECT, Pipelines, Ran
from tests.tools.ci.job_claims import gitlab_claims
from tests.tools.git import commit, git
from tests.tools.signing.bundles import new_pair
from tests.tools.signing.sigstore_services import PIPELINE_ISSUER, sigstore

from . import project as jobs
from .test_pull_requests import published

pytestmark = pytest.mark.real

BRANCH = "CI_COMMIT_BRANCH"  # only pipelines of a branch have it
IMAGES = ("base", "app")
TAG = {"CI_COMMIT_TAG": "v2.4.0", "CI_COMMIT_REF_NAME": "v2.4.0"}
SUMMARY = "[lockage-build] -> lockage-summary"
BUILDS = {f"[lockage-build] -> base+1.0.0+linux-{platform}" for platform in ("amd64", "arm64")}


@dataclass(frozen=True)
class Project(jobs.Hosted):
    """A project at GitLab: its checkout, its runners, and the variables in its settings."""

    pipelines: Pipelines

    @property
    def secrets(self) -> dict[str, str]:
        """Variables that are masked."""
        return {
            "COSIGN_PRIVATE_KEY": self.keys.private.decode(),
            "COSIGN_PASSWORD": self.keys.password,
            "CI_JOB_TOKEN": "glcbt-canary-of-the-job",
        }

    def run(self, event: Mapping[str, str], *without: str) -> Ran:
        """A pipeline for an event, whose variables are added to those of the project."""
        public = {"COSIGN_PUBLIC_KEY": self.keys.public.decode()}
        return self.pipelines.run({**self.secrets, **public, **event}, *without)


@pytest.fixture(scope="module")
def gitlab(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project, before anything was pushed."""
    folder = tmp_path_factory.mktemp("gitlab")
    root = jobs.project(site, folder, __name__, "gitlab")
    git(root, "remote", "add", "origin", f"git@gitlab.com:{PROJECT}.git")
    (root / ".git/info/exclude").write_text("/.gitlab-ci-local/\n")
    return Project(site, root, new_pair(), Pipelines(root, folder, jobs.runner(site)))


@pytest.fixture(scope="module")
def branch(gitlab: Project) -> Ran:
    """The pipeline of the branch."""
    return gitlab.run({})


def test_the_branch(branch: Ran, gitlab: Project) -> None:
    assert set(branch.jobs) == {"lockage-plan", "lockage-build", "lockage-publish", *BUILDS}, branch.log
    assert set(branch.jobs.values()) == {"PASS"}, branch.log
    built = {
        target["digest"]: target["status"]
        for file in branch.artifacts.glob("base*/reports/base*/report.json")
        for target in json.loads(file.read_text())["targets"]
    }
    assert len(built) == 4 and set(built.values()) == {"built"}
    for image in IMAGES:
        index = json.loads(crane("manifest", f"{gitlab.repository('prod', image)}:1.0.0"))
        assert {entry["digest"] for entry in index["manifests"]} <= set(built)
    reports = {file.name for file in (branch.artifacts / "lockage-publish/reports").iterdir()}
    assert {"junit.xml", "gl-container-scanning-report.json", "gl-annotations.json"} <= reports


def test_no_secret_is_in_a_log_or_artifact(branch: Ran, gitlab: Project) -> None:
    secrets = gitlab.secrets | {"COSIGN_PRIVATE_KEY": gitlab.keys.private.decode().splitlines()[2]}
    files = [path for path in branch.artifacts.rglob("*") if path.is_file()]
    assert "statements" in branch.log and len(files) > 12
    for name, word in secrets.items():
        for form in forms_of(word):
            assert form not in branch.log, name
            for file in files:
                assert form.encode() not in file.read_bytes(), f"{name} in {file}"


def test_a_merge_request_pushes_to_a_place_of_its_own(branch: Ran, gitlab: Project) -> None:
    before = published(gitlab.site)
    git(gitlab.root, "checkout", "--quiet", "-b", "merge")
    (gitlab.root / "images/app/rootfs/app").write_text("changed\n")
    commit(gitlab.root)
    event = {"CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_IID": "7"}
    event |= {f"CI_MERGE_REQUEST_{name}PROJECT_ID": "1217" for name in ("", "SOURCE_")}
    ran = gitlab.run(event, BRANCH)
    git(gitlab.root, "checkout", "--quiet", "main")
    builds = {name.replace("base", "app") for name in BUILDS}  # the base is known
    assert set(ran.jobs) == {"lockage-plan", "lockage-build", *builds, SUMMARY}, ran.log
    assert set(ran.jobs.values()) == {"PASS"}, ran.log
    page = json.loads((ran.artifacts / "lockage-summary/summary/report.json").read_text())
    statuses = sorted((target["image"], target["status"]) for target in page["targets"])
    assert statuses == [("app", "built")] * 2 + [("base", "reused")] * 2 and "left no report" not in ran.log
    assert published(gitlab.site) == before
    pushed = tags(f"{gitlab.repository('dev', 'app')}-pr")
    assert {tag.rpartition("-linux-")[2] for tag in pushed} == {"amd64", "arm64"}


def test_a_tag_releases(branch: Ran, gitlab: Project) -> None:
    git(gitlab.root, "tag", "v2.3.0")
    sha = git(gitlab.root, "rev-parse", "HEAD").strip()
    event = {"CI_COMMIT_TAG": "v2.3.0", "CI_COMMIT_REF_NAME": "v2.3.0", "CI_COMMIT_SHA": sha}
    token = gitlab.secrets["CI_JOB_TOKEN"]
    with running(GitlabServer(token=token, tags={"v2.3.0": sha}, job=True, project="1217")) as server:
        event |= {"CI_API_V4_URL": server.api, "CI_PROJECT_ID": server.project}
        ran = gitlab.run(event, BRANCH)
        assert ran.jobs == {"lockage-release": "PASS"}, ran.log
        files = server.files("v2.3.0")
    assert {"RELEASE.md", "install.sh", "release.json", "cosign.pub"} <= set(files)
    for image in IMAGES:
        place = gitlab.repository("prod", image)
        assert {"v2.3.0", "v2.3", "v2", "latest"} <= tags(place)
        assert crane("digest", f"{place}:v2.3.0") == crane("digest", f"{place}:1.0.0")
    release = ran.artifacts / "lockage-release/release"
    assert {"RELEASE.md", "release.json", "cosign.pub"} <= {file.name for file in release.iterdir()}


def test_the_schedule(branch: Ran, gitlab: Project) -> None:
    """The job's token lists the merge requests that are closed."""
    api = GitlabMerges(gitlab.secrets["CI_JOB_TOKEN"], job=True, project="1217")
    api.open(7, "merge", "merged")
    with running(api):
        ran = gitlab.run(
            {"CI_PIPELINE_SOURCE": "schedule", "CI_API_V4_URL": api.api, "CI_PROJECT_ID": "1217"}
        )
    names = {f"lockage-{name}" for name in ("rescan", "outdated", "retention")}
    assert ran.jobs == dict.fromkeys(names, "PASS"), ran.log
    assert ["state=closed" in path or "state=merged" in path for _, path in api.asked] == [True, True]


def test_the_identity_of_a_pipeline_signs(
    branch: Ran, gitlab: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """GitLab puts the token into the variable that `id_tokens` names; docs/ci.md has the pattern."""
    pattern = "^https://gitlab\\.com/acme/images//\\.gitlab-ci\\.yml@refs/(heads/main|tags/v.+)$"
    assert pattern in (jobs.DOCS / "ci.md").read_text()
    with sigstore(tmp_path_factory.mktemp("sigstore")) as services:
        signer = {"identity_regexp": pattern, "issuer": services.pipelines}
        jobs.sign_without_a_key(gitlab.site, gitlab.root, services, signer, "gitlab")
        git(gitlab.root, "tag", "v2.4.0")
        sha = git(gitlab.root, "rev-parse", "HEAD")
        job_token = gitlab.secrets["CI_JOB_TOKEN"]
        api = GitlabServer(token=job_token, tags={"v2.4.0": sha}, job=True, project="1217")
        for claims, event, without, reference in (
            (gitlab_claims(PROJECT, "branch", "main"), {}, (), "1.0.0"),
            (gitlab_claims(PROJECT, "tag", "v2.4.0"), {**TAG, "CI_COMMIT_SHA": sha}, (BRANCH,), "v2.4.0"),
        ):
            token = services.issuer.mint(PIPELINE_ISSUER, claims, lifetime=3600)
            with running(api):
                event |= {"CI_API_V4_URL": api.api, "CI_PROJECT_ID": api.project}
                ran = gitlab.run({"SIGSTORE_ID_TOKEN": token, **event}, *without)
            assert set(ran.jobs.values()) == {"PASS"}, ran.log
            assert token.split(".")[2] not in ran.log
            for image in IMAGES:
                place = f"{gitlab.repository('prod', image)}:{reference}"
                identity = f"https://{claims['ci_config_ref_uri']}"
                jobs.verify_identity(services, place, identity, services.pipelines)
