"""The GitHub action and the GitLab component of this repository: as their judges see them, and run by act and
gitlab-ci-local."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.tools.ci import act, gitlab_ci_local
from tests.tools.ci.vendor_schemas import judged
from tests.tools.git import commit, git

pytestmark = pytest.mark.real

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
ACTION, COMPONENT = ROOT / "action.yml", ROOT / "templates/run.yml"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
OWN = "acme/lockage"
COMMIT = "1" * 40
WORKFLOW = f"""\
on: push
jobs:
  images:
    runs-on: ubuntu-24.04
    steps:
      - uses: {act.ACTIONS_CHECKOUT}
        with: {{persist-credentials: false}}
      - uses: {OWN}@{COMMIT}
        with:
          args: plan --json app:1.*
          working-directory: catalogue
"""


def catalogue(folder: Path) -> None:
    """One image."""
    (folder / "images/app").mkdir(parents=True)
    (folder / "lockage.yml").write_text("version: 1\nproject: demo\n")
    (folder / "images/app/image.yml").write_text("tags: [1.0.0]\n")
    (folder / "images/app/Dockerfile.tmpl").write_text("FROM scratch\n")


def test_the_action_as_others_judge_it(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    shutil.copy(ACTION, tmp_path)
    code, out = judged("github-actions", ACTION)
    assert code == 0, out
    argv = [BIN / "zizmor", "--offline", "--format", "json", "--no-exit-codes", tmp_path]
    done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, check=False)
    assert json.loads(done.stdout) == [], done.stdout


def test_the_component_as_gitlab_s_schema_judges_it(tmp_path: Path) -> None:
    """Its two documents, the inputs in their places."""
    header, jobs = COMPONENT.read_text().split("---\n")
    inputs = yaml.safe_load(header)["spec"]["inputs"]
    for name, entry in inputs.items():
        value = entry["default"]
        jobs = jobs.replace(f"$[[ inputs.{name} ]]", json.dumps(value) if name == "tags" else value)
    assert "$[[" not in jobs and all(entry["description"] for entry in inputs.values())
    for name, text in (("header.yml", header), ("jobs.yml", jobs)):
        (tmp_path / name).write_text(text)
        code, out = judged("gitlab-ci", tmp_path / name)
        assert code == 0, out
    assert inputs["setup"]["default"] == f"pipx install lockage=={VERSION}"


def test_one_line_at_github(tmp_path: Path) -> None:
    """The words of `args` reach the program as they are, and it runs in the folder."""
    root, action = tmp_path / "project", tmp_path / "action"
    catalogue(root / "catalogue")
    (root / ".github/workflows").mkdir(parents=True)
    (root / ".github/workflows/images.yml").write_text(WORKFLOW)
    commit(root)
    action.mkdir()
    shutil.copy(ACTION, action)
    (action / "lockage").write_text(f'#!/bin/sh\nexec "{ROOT}/lockage" "$@"\n')
    (action / "lockage").chmod(0o755)
    workflows = act.Workflows(root, tmp_path, {}, {f"{OWN}@{COMMIT}": action})
    ran = workflows.run(act.Event("push", {"ref": "refs/heads/main"}, {"GITHUB_TOKEN": "t"}, {}))
    assert set(ran.jobs.values()) == {"success"}, ran.text
    assert '"app/1.0.0/linux-amd64"' in ran.text


def test_one_line_at_gitlab(tmp_path: Path) -> None:
    root = tmp_path / "project"
    catalogue(root)
    (root / "templates").mkdir()
    shutil.copy(COMPONENT, root / "templates")
    line: dict[str, Any] = {
        "component": "$CI_SERVER_FQDN/$CI_PROJECT_PATH/run@$CI_COMMIT_SHA",
        "inputs": {"args": "plan --json", "job": "images", "setup": f'PATH="{BIN}:$PATH"'},
    }
    (root / ".gitlab-ci.yml").write_text(json.dumps({"include": [line]}))
    commit(root)
    git(root, "branch", "--move", "main")
    git(root, "remote", "add", "origin", f"git@gitlab.com:{gitlab_ci_local.PROJECT}.git")
    ran = gitlab_ci_local.Pipelines(root, tmp_path, {}).run({})
    assert ran.jobs == {"images": "PASS"}, ran.log
    assert '"app/1.0.0/linux-amd64"' in ran.log
