"""gitlab-ci-local as GitLab: the pipeline of a checkout, child pipelines too, each job in a copy of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.tools.programs import debian

from . import npm

PROJECT = "acme/images"
_STATE = ".gitlab-ci-local"
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_ENDED = re.compile(r"^ *(PASS|FAIL) +(.+?) *$", re.MULTILINE)


@dataclass(frozen=True)
class Ran:
    """A pipeline that ended: `jobs` has PASS or FAIL for each job that ran, those of child pipelines as well."""

    log: str
    jobs: Mapping[str, str]
    artifacts: Path


@dataclass(frozen=True)
class Pipelines:
    """The pipelines of the checkout `root`; `folder` takes what they leave, `environ` is what runners have."""

    root: Path
    folder: Path
    environ: Mapping[str, str]

    def run(self, variables: Mapping[str, str], *without: str) -> Ran:
        """One pipeline to its end: with these variables of the project and of the event, and not those `without`."""
        debian(rsync="rsync")
        home = self.folder / "home"
        (home / _STATE).mkdir(parents=True, exist_ok=True)
        given = {"GITLAB_CI": "true", "CI_DEFAULT_BRANCH": "main", **variables}
        ignored = ",".join(name for name in given if name.startswith(("CI_", "GITLAB_")))
        entries = {name: {"type": "variable", "values": {"*": value}} for name, value in given.items()}
        (home / _STATE / "variables.yml").write_text(json.dumps({"global": entries}))
        artifacts = self.root / _STATE / "artifacts"
        shutil.rmtree(artifacts, ignore_errors=True)
        argv = [
            str(npm.program("gitlab-ci-local")),
            "--shell-isolation",
            "--no-artifacts-to-source",
            "--home",
            str(home),
        ]
        argv += ["--ignore-predefined-vars", ignored]
        for name in without:
            argv += ["--unset-variable", name]
        done = subprocess.run(
            argv,
            cwd=self.root,
            env={"PATH": os.environ["PATH"], "HOME": str(home), **self.environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        log = _ESCAPES.sub("", done.stdout)
        return Ran(log, {found[2]: found[1] for found in _ENDED.finditer(log)}, artifacts)
