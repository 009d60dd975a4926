"""Builds of a Jenkinsfile: `jenkins/controller.groovy` in place of a controller and its plugins."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.tools.git import git
from tests.tools.programs import debian

_CONTROLLER = Path(__file__).parents[1] / "jenkins" / "controller.groovy"
_OPENED = ("java.base/java.lang", "java.base/java.util")  # to the reflection of Groovy 2.4


@dataclass(frozen=True)
class Ran:
    """A build that ended: its unmasked log, each stage's result, and the arguments of steps, which Jenkins keeps."""

    log: str
    stages: Mapping[str, str]
    kept: tuple[str, ...]
    artifacts: Path


@dataclass(frozen=True)
class Builds:
    """Builds of what `root` has checked out; `folder` takes what they leave, `environ` is what agents have."""

    root: Path
    folder: Path
    environ: Mapping[str, str]

    def run(self, event: Mapping[str, str], credentials: Mapping[str, str], *, timer: bool = False) -> Ran:
        """One build to its end, of the commit that is checked out."""
        debian(groovy="groovy", java="default-jre-headless")
        record, given, artifacts = (self.folder / name for name in ("record.json", "build.json", "artifacts"))
        usual = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "JENKINS_URL": "https://ci.example/"}
        build = {
            "file": str(self.root / "Jenkinsfile"),
            "env": {**usual, **self.environ, **event},
            "credentials": dict(credentials),
            "timer": timer,
            "origin": str(self.root),
            "commit": git(self.root, "rev-parse", "HEAD"),
            "workspaces": str(self.folder / "workspaces"),
            "artifacts": str(artifacts),
            "record": str(record),
        }
        given.write_text(json.dumps(build))
        java = shutil.which("java")
        assert java
        done = subprocess.run(
            ["groovy", str(_CONTROLLER), str(given)],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.folder),
                "JAVA_HOME": str(Path(java).resolve().parents[1]),
                "JAVA_OPTS": " ".join(f"--add-opens={package}=ALL-UNNAMED" for package in _OPENED),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert record.exists(), done.stdout
        found = json.loads(record.read_text())
        record.unlink()
        return Ran(done.stdout, found["stages"], tuple(found["kept"]), artifacts)
