"""Generated jobs, as actionlint, zizmor and the schemas of GitHub and GitLab judge them; drift is found."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.ci.generate import PROVIDERS, JobProvider, Jobs, job_files
from pipeline.ci.matrix import Matrix
from pipeline.ci.matrix_formats import FORMATS
from pipeline.config.ci_jobs import read_ci_jobs
from pipeline.errors import ConfigError
from pipeline.model import Platform
from tests.catalogue.sample import plan
from tests.tools import peers, warm
from tests.tools.ci.vendor_schemas import judged

BIN = Path(sys.executable).parent
JOBS = Jobs("pipx install lockage==1.2.3", "prod")
ODD = Jobs(
    """printf '%s' "a: b # c" \\ ${{ vars.X }} > /dev/null""",
    "prod",
    "release/2",
    "my-runner",
    {Platform.parse("linux/arm64"): "arm", Platform.parse("linux/s390x"): "mainframe"},
)
FULL = replace(
    JOBS, identity_token="SIGSTORE_ID_TOKEN", retention=True, closed_pull_requests=True
)  # with every optional section
KEPT = replace(JOBS, retention=True)
PROPOSING = replace(FULL, propose=True)
VARIANTS = pytest.mark.parametrize(
    "jobs", [JOBS, ODD, FULL, KEPT, PROPOSING], ids=["plain", "odd", "full", "kept", "proposing"]
)
real = pytest.mark.real


def _written(folder: Path, provider: JobProvider, jobs: Jobs) -> list[Path]:
    for path, text in job_files(provider, jobs).items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _run(*argv: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(list(map(str, argv)), cwd=cwd, capture_output=True, text=True, check=False)


@real
@VARIANTS
def test_workflows_as_others_judge_them(jobs: Jobs, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    files = _written(tmp_path, "github", jobs)
    linted = _run(peers.actionlint(), "-no-color", "-shellcheck=", "-pyflakes=", *files, cwd=tmp_path)
    labels = r"label \"(my-runner|arm|mainframe)\" is unknown"
    assert not [
        line for line in linted.stdout.splitlines() if ".yml:" in line and not re.search(labels, line)
    ]
    audited = _run(BIN / "zizmor", "--offline", "--format", "json", "--no-exit-codes", tmp_path, cwd=tmp_path)
    findings = [(f["ident"], f["determinations"]["severity"]) for f in json.loads(audited.stdout)]
    assert not [finding for finding in findings if finding[1] != "Informational"], audited.stdout
    code, out = judged("github-workflows", *files)
    assert code == 0, out


@real
def test_the_judges_find_faults(tmp_path: Path) -> None:
    """What would pass whatever is written proves nothing."""
    (tmp_path / ".git").mkdir()
    files = _written(tmp_path, "github", JOBS)
    broken = files[-1]
    text = re.sub(r"@[0-9a-f]{40} # v5.0.0", "@v5", broken.read_text()).replace(
        "persist-credentials: false", "path: ."
    )
    broken.write_text(text.replace("needs: plan", "needs: nobody"))
    assert "nobody" in _run(peers.actionlint(), "-no-color", *files, cwd=tmp_path).stdout
    audited = _run(BIN / "zizmor", "--offline", "--format", "json", "--no-exit-codes", tmp_path, cwd=tmp_path)
    assert {f["ident"] for f in json.loads(audited.stdout)} >= {"unpinned-uses", "artipacked"}


@real
@pytest.mark.parametrize("jobs", [ODD, PROPOSING])
def test_gitlab_s_schema(jobs: Jobs, tmp_path: Path) -> None:
    files = _written(tmp_path, "gitlab", jobs)
    made = plan({"app/image.yml": "tags: [1.0.0]\n", "app/Dockerfile.tmpl": "FROM scratch\n"})
    gitlab = FORMATS["gitlab"]
    for number, todo in enumerate((set[str](), {"app/1.0.0/linux-amd64"})):
        files.append(tmp_path / f"child-{number}.yml")
        files[-1].write_text(gitlab.render(Matrix.of(made, todo, gitlab.runners({}), 200)))
    code, out = judged("gitlab-ci", *files)
    assert code == 0, out
    files[0].write_text("a: {script: [1, {}], needs: 7}\n")
    assert judged("gitlab-ci", files[0])[0] == 1


@pytest.mark.parametrize("provider", PROVIDERS)
@VARIANTS
def test_every_place_is_filled_in(provider: JobProvider, jobs: Jobs) -> None:
    for path, text in job_files(provider, jobs).items():
        assert not re.search(r"@[A-Za-z_ ]+@", text), path
        assert "ci check" in text or "child pipeline" in text or "caller" in path or "images.yml" in path
        assert all(
            re.search(r"@[0-9a-f]{40} # v\d", line)
            for line in text.splitlines()
            if "uses: " in line and "./" not in line
        )


def test_every_job_says_what_it_may() -> None:
    """Nothing by default; no job of a pull request gets more than it takes to build."""
    import yaml

    workflow: dict[str, Any] = yaml.safe_load(job_files("github", JOBS)[".github/workflows/lockage.yml"])
    assert workflow["permissions"] == {}
    permissions = {name: job["permissions"] for name, job in workflow["jobs"].items()}
    assert permissions["plan"] == {"contents": "read", "packages": "read"}
    assert permissions["build"] == {"contents": "read", "packages": "write"}
    assert permissions["summary"] == {"contents": "read"}
    assert "secrets" not in str(workflow["jobs"]["summary"])  # it reads what a fork may have written
    assert [name for name, granted in permissions.items() if granted["contents"] == "write"] == ["release"]
    assert workflow["jobs"]["release"]["if"] == "github.event_name == 'push' && github.ref_type == 'tag'"
    assert all(job["timeout-minutes"] for job in workflow["jobs"].values())
    assert "pull_request_target" not in job_files("github", JOBS)[".github/workflows/images.yml"]


def test_optional_jobs_and_permissions() -> None:
    """By lockage.yml: identity tokens for the jobs that sign images, and retention where there are rules."""
    import yaml

    def github(jobs: Jobs) -> tuple[dict[str, Any], dict[str, Any]]:
        files = job_files("github", jobs)
        called, caller = (
            yaml.safe_load(files[f".github/workflows/{name}.yml"]) for name in ("lockage", "images")
        )
        return called["jobs"], caller["jobs"]["images"]["permissions"]

    plain, granted = github(JOBS)
    assert "retention" not in plain and not {"id-token", "pull-requests"} & set(granted)
    full, granted = github(FULL)
    tokens = {name for name, job in full.items() if "id-token" in job["permissions"]}
    assert tokens == {"publish", "release", "rescan"} and granted["id-token"] == "write"
    requests = {name for name, job in full.items() if "pull-requests" in job["permissions"]}
    assert requests == {"retention"} and granted["pull-requests"] == "read"
    assert full["retention"]["steps"][-1]["run"] == "lockage retention --apply --closed-from-forge"
    assert github(KEPT)[0]["retention"]["steps"][-1]["run"] == "lockage retention --apply"
    proposing, asked = github(PROPOSING)
    assert "outdated" not in proposing and "lock" not in full and asked["pull-requests"] == "write"
    assert proposing["lock"]["permissions"] == {
        "contents": "write", "packages": "read", "pull-requests": "write"
    }  # fmt: skip
    assert [n for n, job in proposing.items() if "lock --propose" in str(job["steps"])] == ["lock"]
    assert proposing["retention"]["permissions"]["pull-requests"] == "read"
    for job in full.values():  # the caller grants what any job has
        assert {name for name, right in job["permissions"].items() if right == "write"} <= {
            name for name, right in granted.items() if right == "write"
        }

    gitlab = yaml.safe_load(job_files("gitlab", FULL)[".gitlab/lockage.yml"])
    assert gitlab[".lockage-signs"] == {"id_tokens": {"SIGSTORE_ID_TOKEN": {"aud": "sigstore"}}}
    signing = {name for name, job in gitlab.items() if ".lockage-signs" in job.get("extends", "")}
    assert signing == {"lockage-publish", "lockage-release", "lockage-rescan"}
    assert "lockage-retention" in gitlab
    plain = yaml.safe_load(job_files("gitlab", JOBS)[".gitlab/lockage.yml"])
    assert "lockage-retention" not in plain and ".lockage-signs" not in plain
    assert gitlab["lockage-retention"]["script"] == ["lockage retention --apply --closed-from-forge"]
    proposing = yaml.safe_load(job_files("gitlab", PROPOSING)[".gitlab/lockage.yml"])
    assert "lockage-outdated" not in proposing and "--propose" in str(proposing["lockage-lock"]["script"])
    jenkins = job_files("jenkins", FULL)["Jenkinsfile"]
    assert "lockage 'retention --apply'" in jenkins and "variable: 'SIGSTORE_ID_TOKEN'" in jenkins
    assert "retention" not in job_files("jenkins", JOBS)["Jenkinsfile"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("providers: [github]\n", "setup"),
        ("setup: |\n  a\n  b\n", "setup"),
        ("setup: x\nproviders: [circle]\n", "providers"),
        ("setup: x\nbranch: 'a]\\n'\n", "branch"),
        ("setup: x\nrunner: 'a b'\n", "runner"),
        ("setup: x\nrescan: now\n", "rescan"),
        ("setup: x\nrunners: {'linux/': x}\n", "runners"),
        ("setup: x\nlock: always\n", "lock"),
        ("setup: x\nother: 1\n", "other"),
    ],
)
def test_what_is_no_source(text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_ci_jobs(text.encode(), "ci/lockage.yml")
    assert any(problem in str(found) for found in refused.value.problems)


def test_what_is_generated_is_checked(tmp_path: Path) -> None:
    (tmp_path / "images/a").mkdir(parents=True)
    (tmp_path / "lockage.yml").write_text("version: 1\nproject: demo\n")
    (tmp_path / "images/a/image.yml").write_text("tags: [1.0.0]\n")
    (tmp_path / "images/a/Dockerfile.tmpl").write_text("FROM scratch\n")

    def lockage(*arguments: str) -> tuple[int, str, str]:
        root = Path(__file__).resolve().parents[2]
        env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(root)}
        done = warm.run(list(arguments), cwd=tmp_path, env=env)
        return done[0], done[1], done[2]

    code, _, err = lockage("ci", "check")
    assert code == 2 and "lockage ci generate" in err
    code, out, _ = lockage("ci", "generate", "github")
    assert (code, out.split()) == (
        0, ["ci/lockage.yml", ".github/workflows/images.yml", ".github/workflows/lockage.yml"]
    )  # fmt: skip
    assert lockage("ci", "check")[0] == 0
    assert lockage("ci", "generate", "github")[1] == ""
    assert lockage("ci", "generate", "gitlab")[0] == 2
    workflow = tmp_path / ".github/workflows/lockage.yml"
    workflow.write_text(workflow.read_text().replace("packages: read", "packages: write"))
    code, out, _ = lockage("ci", "check")
    assert code == 3 and "different  .github/workflows/lockage.yml" in out
    workflow.unlink()
    assert "missing" in lockage("ci", "check")[1]
    lockage("ci", "generate", "github")
    with (tmp_path / "lockage.yml").open("a") as file:  # what decides which jobs and permissions there are
        file.write("sign: {keyless: {identity: a@example.com, issuer: 'https://issuer.example.com'}}\n")
    assert lockage("ci", "check")[0] == 3
    lockage("ci", "generate", "github")
    assert "id-token: write" in workflow.read_text() and lockage("ci", "check")[0] == 0
