"""nektos/act as GitHub: the workflows of a checkout for an event, each job in a workspace of its own on this machine.

Actions are folders of `tests/tools/actions`, by the commit that the workflow names: no test can fetch GitHub's own.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.lab.tools.recipes import GoTool
from tests.tools.peers import compiled

ACT = GoTool("act", "0.2.89", ("github.com/nektos/act",), minutes=1, folder=Path(__file__).parents[1] / "act")
REPOSITORY = "acme/images"
ACTIONS_CHECKOUT = "actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8"
_ACTIONS = Path(__file__).parents[1] / "actions"
_USED = re.compile(r"uses: ([\w-]+/([\w-]+))\S*@([0-9a-f]{40})")
_LABELS = ("ubuntu-24.04", "ubuntu-24.04-arm")


@dataclass(frozen=True)
class Event:
    """What started a run: `name` as in `on:`, the webhook's payload, and the repository's secrets and variables."""

    name: str
    payload: Mapping[str, Any]
    secrets: Mapping[str, str]
    variables: Mapping[str, str]


@dataclass(frozen=True)
class Ran:
    """A run that ended: `log` is all that act wrote, one JSON object a line, and nothing in it is masked."""

    log: str
    artifacts: Path

    @cached_property
    def jobs(self) -> dict[str, str]:
        """The result of each job that ran, by its name without that of the workflow."""
        found = (json.loads(line) for line in self.log.splitlines() if '"jobResult"' in line)
        return {each["job"].rpartition("/lockage/")[2].rstrip(): each["jobResult"] for each in found}

    def summaries(self, job: str) -> list[str]:
        """What the steps of a job wrote for the page of the run (GITHUB_STEP_SUMMARY)."""
        lines = (json.loads(line) for line in self.log.splitlines() if '"command":"summary"' in line)
        return [line["content"] for line in lines if line["jobID"] == job]

    @property
    def text(self) -> str:
        """What the steps wrote."""
        lines = (json.loads(line) for line in self.log.splitlines() if line.startswith("{"))
        return "".join(line["msg"] for line in lines if line.get("raw_output"))


@dataclass(frozen=True)
class Workflows:
    """The workflows of the checkout `root`; `folder` takes what runs leave, `environ` is what runners have.

    `others` are folders of actions that `tests/tools/actions` does not have, by name and commit.
    """

    root: Path
    folder: Path
    environ: Mapping[str, str]
    others: Mapping[str, Path] = field(default_factory=dict)

    def run(self, event: Event) -> Ran:
        """One run to its end, whatever that is."""
        run = self.folder / f"run-{len(list(self.folder.glob('run-*')))}"
        artifacts = run / "artifacts"
        artifacts.mkdir(parents=True)
        (run / "home").mkdir()
        (run / "event.json").write_text(json.dumps(event.payload))
        runner = {
            **self.environ,
            "HOME": str(run / "home"),
            "TESTS_ORIGIN": str(self.root),
            "TESTS_ARTIFACTS": str(artifacts),
        }
        (run / "runner.env").write_text("".join(f"{name}={value}\n" for name, value in runner.items()))
        argv: list[str | Path] = [
            *(compiled(ACT), event.name, "--json", "--insecure-secrets", "--no-skip-checkout"),
            *("--workflows", ".github/workflows/images.yml", "--eventpath", run / "event.json"),
            *("--env-file", run / "runner.env", "--secret-file", os.devnull, "--var-file", os.devnull),
            *("--action-cache-path", run / "cache", "--action-offline-mode", "--no-cache-server"),
        ]
        for label in _LABELS:
            argv += ["--platform", f"{label}=-self-hosted"]
        for repository, name, commit in sorted(self._used()):
            action = f"{repository}@{commit}"
            argv += ["--local-repository", f"{action}={self.others.get(action, _ACTIONS / name)}"]
        for option, names in (("--secret", event.secrets), ("--var", event.variables)):
            for name in names:
                argv += [option, name]
        done = subprocess.run(
            list(map(str, argv)),
            cwd=self.root,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(run / "home"),
                **event.secrets,
                **event.variables,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Ran(done.stdout, artifacts)

    def left(self) -> list[Path]:
        """All files that runs have left: artifacts, homes and workspaces."""
        found = (path for run in self.folder.glob("run-*") for path in run.rglob("*"))
        return [path for path in found if path.is_file() and not path.is_symlink()]

    def _used(self) -> set[tuple[str, str, str]]:
        texts = [path.read_text() for path in (self.root / ".github/workflows").glob("*.yml")]
        return {(found[1], found[2], found[3]) for text in texts for found in _USED.finditer(text)}
