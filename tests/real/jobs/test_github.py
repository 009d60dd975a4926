"""The generated workflow, run by act: a push of the branch, a pull request from a fork, a release, and the schedule."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from tests.forge.github_pulls import Commit, GithubPulls
from tests.forge.github_server import GithubServer
from tests.forge.server import running
from tests.real.builds.test_canaries import forms_of
from tests.real.site import Site
from tests.real.tools import crane, tags
from tests.tools.ci.act import REPOSITORY, Event, Ran, Workflows
from tests.tools.git import commit, git
from tests.tools.signing.bundles import new_pair
from tests.tools.signing.sigstore_services import WORKFLOW_ISSUER, Sigstore, sigstore

from . import project as jobs
from .test_pull_requests import published

pytestmark = pytest.mark.real

TOKEN = "ghs-canary-of-the-job"
IMAGES = ("base", "app")
CALLED = f"{REPOSITORY}/.github/workflows/lockage.yml"


@dataclass(frozen=True)
class Repository(jobs.Hosted):
    """A repository at GitHub: its checkout, its runners, and the key pair in its settings."""

    workflows: Workflows

    @property
    def secrets(self) -> dict[str, str]:
        """Those of a job."""
        return {
            "COSIGN_PRIVATE_KEY": self.keys.private.decode(),
            "COSIGN_PASSWORD": self.keys.password,
            "GITHUB_TOKEN": TOKEN,
        }

    def run(self, name: str, ref: str, **payload: object) -> Ran:
        """An event of the repository itself."""
        return self._run(name, {"ref": ref, **payload}, self.secrets)

    def run_of_fork(self, number: int) -> Ran:
        """A pull request from a fork, whose jobs get no secret but a token that reads."""
        head = {"repo": {"full_name": "eve/images"}, "ref": "main"}
        request = {"number": number, "head": head, "base": {"ref": "main"}}
        payload = {"number": number, "pull_request": request}
        return self._run("pull_request", payload, {"GITHUB_TOKEN": TOKEN})

    def _run(self, name: str, payload: dict[str, object], secrets: dict[str, str]) -> Ran:
        payload |= {"repository": {"full_name": REPOSITORY, "default_branch": "main"}}
        variables = {"COSIGN_PUBLIC_KEY": self.keys.public.decode()}
        return self.workflows.run(Event(name, payload, secrets, variables))


@pytest.fixture(scope="module")
def github(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The repository, before anything was pushed."""
    folder = tmp_path_factory.mktemp("github")
    root = jobs.project(site, folder, __name__, "github", "propose")
    git(root, "remote", "add", "origin", f"https://github.com/{REPOSITORY}")
    return Repository(site, root, new_pair(), Workflows(root, folder, jobs.runner(site)))


@pytest.fixture(scope="module")
def push(github: Repository) -> Ran:
    """The run of a push to the branch."""
    return github.run("push", "refs/heads/main")


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sigstore]:
    """A running Sigstore, which knows GitHub's issuer under another name."""
    with sigstore(tmp_path_factory.mktemp("sigstore")) as running:
        yield running


def job_of(ref: str) -> dict[str, str]:
    """What GitHub's token says of a job of the called workflow."""
    commit_id, where = "1" * 40, f"{CALLED}@{ref}"
    return {
        "sub": f"repo:{REPOSITORY}:ref:{ref}",
        "job_workflow_ref": where,
        "job_workflow_sha": commit_id,
        "workflow_ref": f"{REPOSITORY}/.github/workflows/images.yml@{ref}",
        "workflow_sha": commit_id,
        "sha": commit_id,
        "event_name": "push",
        "repository": REPOSITORY,
        "workflow": "images",
        "ref": ref,
        "runner_environment": "github-hosted",
        "repository_id": "1",
        "repository_owner": REPOSITORY.partition("/")[0],
        "repository_owner_id": "2",
        "repository_visibility": "private",
        "run_id": "3",
        "run_attempt": "1",
    }


@pytest.fixture(scope="module")
def other(site: Site) -> Iterator[Site]:
    """An engine and a registry that know nothing of the first ones."""
    alone = Site(site.home, {"LOCKAGE_INSTANCE": "alone"})
    alone.run("up")
    yield alone
    alone.end()


def test_a_push_publishes_what_a_single_run_does(push: Ran, github: Repository, other: Site) -> None:
    builds = {f"base:1.0.0 and 1 more (linux/{platform})" for platform in ("amd64", "arm64")}
    assert {name.rpartition(")")[0] + ")" for name in push.jobs if ":" in name} == builds
    assert {name for name in push.jobs if ":" not in name} == {"plan", "publish"}
    assert set(push.jobs.values()) == {"success"}, push.text
    digests = {image: crane("digest", f"{github.repository('prod', image)}:1.0.0") for image in IMAGES}
    refs = [json.loads(file.read_text()) for file in push.artifacts.glob("reports-*/report.json")]
    built = {t["digest"]: t["status"] for report in refs for t in report["targets"]}
    assert len(built) == 4 and set(built.values()) == {"built"}
    for image, digest in digests.items():
        index = json.loads(crane("manifest", f"{github.repository('dev', image)}@{digest}"))
        assert {entry["digest"] for entry in index["manifests"]} <= set(built)
    assert json.loads((push.artifacts / "code-scanning.sarif").read_text())["version"] == "2.1.0"
    (summary,) = push.summaries("publish")
    assert not push.summaries("build")
    for image in IMAGES:
        assert {f"{image}:1.0.0", "linux/amd64", "linux/arm64"} <= set(re.split(r"[\s`|,()]+", summary)), (
            summary
        )

    single = other.run("run", "--locked", "--json", cwd=github.root, **jobs.runner(other)).json
    assert {target["status"] for target in single["targets"]} == {"built"}
    assert {image["image"]: image["index"] for image in single["images"]} == digests


def test_a_pull_request_from_a_fork_pushes_nothing(push: Ran, github: Repository) -> None:
    before = published(github.site)
    git(github.root, "checkout", "--quiet", "-b", "pull")
    (github.root / "images/app/rootfs/app").write_text("theirs\n")
    commit(github.root)
    ran = github.run_of_fork(7)
    git(github.root, "checkout", "--quiet", "main")
    assert len(ran.jobs) == 4 and set(ran.jobs.values()) == {"success"}, ran.text
    assert "pull request 7 comes from a fork: nothing is pushed" in ran.text
    reports = [json.loads(file.read_text()) for file in ran.artifacts.glob("reports-*/report.json")]
    statuses = [(target["image"], target["status"]) for report in reports for target in report["targets"]]
    assert sorted(statuses) == [("app", "built")] * 2 + [("base", "reused")] * 2
    (page,) = ran.summaries("summary")
    assert (
        not ran.summaries("build") and "4 targets: 2 reused, 2 built" in page and "left no report" not in page
    )
    assert published(github.site) == before


def test_a_tag_releases(push: Ran, github: Repository) -> None:
    git(github.root, "tag", "v2.3.0")
    sha = git(github.root, "rev-parse", "HEAD").strip()
    with running(GithubServer(token=TOKEN, tags={"v2.3.0": sha})) as server:
        api = {**github.workflows.environ, "GITHUB_API_URL": server.url}
        at_it = replace(github, workflows=replace(github.workflows, environ=api))
        ran = at_it.run("push", "refs/tags/v2.3.0")
        assert ran.jobs == {"release": "success"}, ran.text
        files = server.files("v2.3.0")
    for image in IMAGES:
        place = github.repository("prod", image)
        assert {"v2.3.0", "v2.3", "v2", "latest"} <= tags(place)
        assert crane("digest", f"{place}:v2.3.0") == crane("digest", f"{place}:1.0.0")
    release = server.of("v2.3.0")
    assert release and not release["draft"]
    assert {"RELEASE.md", "install.sh", "release.json", "cosign.pub"} <= set(files)


def test_the_schedule(push: Ran, github: Repository) -> None:
    """The lock lacks a tool, as one lacks what moved: the whole one is proposed, for the commit of the branch."""
    lock = github.root / "lockage.lock"
    whole = lock.read_text()
    pins = json.loads(whole)
    del pins["images"][next(name for name in pins["images"] if "syft" in name)]
    lock.write_text(json.dumps(pins))
    api = GithubPulls(TOKEN)
    head = api.refs["heads/main"] = commit(github.root)
    api.commits[head] = Commit("a change", {"lockage.lock": lock.read_bytes()})
    api.open(7, "theirs", "closed")
    with running(api):
        environ = {**github.workflows.environ, "GITHUB_API_URL": api.url}
        own = replace(github, workflows=replace(github.workflows, environ=environ))
        ran = own.run("schedule", "refs/heads/main", schedule="17 3 * * *")
    lock.write_text(whole)
    commit(github.root)
    assert ran.jobs == dict.fromkeys(("rescan", "lock", "retention"), "success"), ran.text
    assert api.tip("lockage/lock").files["lockage.lock"].decode() == whole
    assert api.tip("lockage/lock").parents == (head,) and len(api.pulls) == 2
    assert "syft" in api.pulls[1]["body"]
    assert [path for method, path in api.asked if method == "GET" and "state=closed&sort" in path]


def test_the_identity_of_a_job_signs(push: Ran, github: Repository, services: Sigstore) -> None:
    """GitHub names the called workflow in a job's token; docs/ci.md has the pattern that covers branch and releases."""
    pattern = (
        "^https://github\\.com/acme/images/\\.github/workflows/lockage\\.yml@refs/(heads/main|tags/v.+)$"
    )
    assert pattern in (jobs.DOCS / "ci.md").read_text()
    signer = {"identity_regexp": pattern, "issuer": services.workflows}
    jobs.sign_without_a_key(github.site, github.root, services, signer, "github")
    git(github.root, "tag", "v2.4.0")
    token = {
        "ACTIONS_ID_TOKEN_REQUEST_URL": services.issuer.request_url(WORKFLOW_ISSUER),
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": services.issuer.request_token,
    }
    server = GithubServer(token=TOKEN, tags={"v2.4.0": git(github.root, "rev-parse", "HEAD")})
    for ref, reference in (("refs/heads/main", "1.0.0"), ("refs/tags/v2.4.0", "v2.4.0")):
        services.issuer.workflow = job_of(ref)
        with running(server):
            environ = {**github.workflows.environ, **token, "GITHUB_API_URL": server.url}
            own = replace(github, workflows=replace(github.workflows, environ=environ))
            ran = own.run("push", ref)
        assert set(ran.jobs.values()) == {"success"}, ran.text
        who = ("--certificate-identity", f"https://github.com/{CALLED}@{ref}")
        who += ("--certificate-oidc-issuer", services.workflows, "--trusted-root", services.trusted_root)
        for image in IMAGES:
            github.site.run(
                "verify", f"{github.repository('prod', image)}:{reference}", *who, cwd=github.root
            )
        assert services.issuer.request_token not in ran.log


def test_no_secret_is_in_a_log_or_artifact(push: Ran, github: Repository) -> None:
    """The logs are not masked: what the provider would hide is found as well."""
    secrets = github.secrets | {"COSIGN_PRIVATE_KEY": github.keys.private.decode().splitlines()[2]}
    assert "statements" in push.text and len(list(push.artifacts.rglob("*.json"))) > 4
    for name, word in secrets.items():
        for form in forms_of(word):
            assert form not in push.log, name
            for file in github.workflows.left():
                assert form.encode() not in file.read_bytes(), f"{name} in {file}"
