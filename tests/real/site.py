"""A site of the tests' own: engine, registry and mirror under a folder that goes away afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.tools import logins, warm

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Site:
    """Runs the command line as a user would: a process, an environment, a folder."""

    home: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    _removal: list[subprocess.Popen[bytes]] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        logins.know(self.home)

    @property
    def env(self) -> dict[str, str]:
        """The environment of every command: this machine's, with a home of the tests' own."""
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("LOCKAGE_", "COSIGN_", "DAGGER_"))}
        cache = os.environ.get("LOCKAGE_CACHE")
        return {
            **keep,
            **({"LOCKAGE_CACHE": cache} if cache else {}),
            "LOCKAGE_HOME": str(self.home),
            "LOCKAGE_ENGINE": "lab",
            "LOCKAGE_IMAGES": "lab",
            **self.environment,
        }

    @property
    def data(self) -> Path:
        """The instance's folder."""
        return self.home / self.environment.get("LOCKAGE_INSTANCE", "default")

    def command(self, *arguments: str | Path) -> list[str]:
        """The command line of the program under test."""
        return [sys.executable, "-m", "pipeline.cli", *map(str, arguments)]

    def run(self, *arguments: str | Path, cwd: Path = ROOT, expect: int | None = 0, **env: str) -> Done:
        """Run to the end; `expect` is the exit code that is right, None for any."""
        assert not self._removal, "stopped: its users belong before what fills up the end (tests/workers.py)"
        done = warm.run(
            [str(argument) for argument in arguments],
            cwd=cwd,
            env={**self.env, "PYTHONPATH": str(ROOT), **env},
        )
        result = Done(*done)
        if expect is not None:
            assert done.code == expect, f"exit {done.code}, not {expect}\n{result.out}\n{result.err}"
        return result

    def start(self, *arguments: str | Path, cwd: Path = ROOT, **env: str) -> Done:
        """The same with an interpreter of its own, which reads the environment before the program does."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=cwd,
            env={**self.env, "PYTHONPATH": str(ROOT), **env},
            capture_output=True,
            text=True,
            check=True,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def stop(self) -> None:
        """Stop everything, for good, and begin to remove the instance. Python would be slow at that: engines keep many
        files."""
        if not self._removal:
            self.run("down", "--force")
            self._removal.append(subprocess.Popen(["rm", "-rf", "--one-file-system", self.data]))

    def end(self) -> None:
        """Stop everything and wait until the instance is removed."""
        self.stop()
        assert self._removal[0].wait() == 0

    @cached_property
    def registry(self) -> str:
        """The registry's host and port, which it keeps."""
        return next(
            d["address"] for d in self.run("status", "--json").json["daemons"] if d["name"] == "registry"
        )


@dataclass(frozen=True)
class Done:
    """A command's exit code and output."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """stdout as data."""
        return json.loads(self.out)
