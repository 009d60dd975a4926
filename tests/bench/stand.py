"""What the benchmarks need: a clone, homes of their own, bytecode of their own; all gone afterwards."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.tools import logins

from .clock import Command, Failed, Sample
from .processor import Account

if TYPE_CHECKING:
    from pipeline.lab.tools.recipes import Tool

ROOT = Path(__file__).resolve().parents[2]
_PROGRAM = Path(sys.executable).with_name("lockage")
_OURS = ("LOCKAGE_HOME", "LOCKAGE_INSTANCE")
_FOREIGN = ("PYTHON", "COSIGN_", "DAGGER_", "VIRTUAL_ENV")


class Home:
    """An instance of its own: `command` measures, `down` stops whatever it started."""

    def __init__(self, stand: Stand, name: str, **more: str) -> None:
        self.folder = stand.scratch / name
        self.instance = f"bench-{os.getpid()}-{name}"  # its control groups are its own
        self.stand = stand
        self._more = more
        logins.know(self.folder)

    @property
    def env(self) -> dict[str, str]:
        """The environment of a command in this home."""
        own = {"LOCKAGE_HOME": str(self.folder), "LOCKAGE_INSTANCE": self.instance}
        return self.stand.env | own | {"DOCKER_CONFIG": str(self.data / "docker")} | self._more

    @property
    def data(self) -> Path:
        """The instance's folder."""
        return self.folder / self.instance

    def command(self, *arguments: str, cwd: Path | None = None, before: Any = None) -> Command:
        """The program with these arguments, run in the clone unless another folder is given."""
        return Command([_PROGRAM, *arguments], self.env, cwd or self.stand.clone, before)

    def status(self) -> dict[str, dict[str, Any]]:
        """The daemons by name, as `lockage status --json` gives them."""
        daemons = json.loads(self.command("status", "--json").run().out)["daemons"]
        return {daemon["name"]: daemon for daemon in daemons}

    def down(self) -> None:
        """Stop what runs here; the data goes with the stand."""
        subprocess.run(
            [str(_PROGRAM), "down", "--force"],
            env=self.env,
            cwd=self.stand.scratch,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )

    def pid(self, daemon: str) -> int:
        """Process 1 of the lab's engine, or the registry's."""
        return int(json.loads((self.data / f"{daemon}.pid").read_text())["pid"])

    @property
    def sandbox(self) -> str:
        """What the lab calls its engine's sandbox (pipeline/lab/namespaces/engine.py)."""
        from pipeline.lab import LabSettings
        from pipeline.lab.namespaces.engine import LabEngine

        return LabEngine(LabSettings.from_env(self.env)).sandbox_name

    @property
    def host(self) -> str:
        """The embedded registry, as references name it."""
        return str(json.loads((self.data / "site.json").read_text())["registry"])

    def forget(self) -> None:
        """As if this home had never been."""
        self.down()
        shutil.rmtree(self.folder, ignore_errors=True)


class Stand:
    """Shared by the benchmarks of one run, used as `with Stand(rounds) as stand`."""

    def __init__(self, rounds: int) -> None:
        self.rounds = rounds
        self._stack = ExitStack()
        self._accounts: list[Account] = []
        self.scratch = Path()

    def __enter__(self) -> Stand:
        self.scratch = Path(tempfile.mkdtemp(prefix="lockage-bench-"))
        self._stack.callback(shutil.rmtree, self.scratch, ignore_errors=True)
        return self

    def __exit__(self, *details: object) -> None:
        self._stack.close()
        for account in self._accounts:
            account.close()

    def say(self, text: str) -> None:
        """What is going on, for who waits."""
        sys.stderr.write(f"bench: {text}\n")

    @cached_property
    def env(self) -> dict[str, str]:
        """This environment without what is somebody's own; bytecode is kept, and kept here, for both sides."""
        keep = {k: v for k, v in os.environ.items() if k not in _OURS and not k.startswith(_FOREIGN)}
        return keep | {"PYTHONPYCACHEPREFIX": str(self.scratch / "bytecode")}

    @cached_property
    def clone(self) -> Path:
        """This repository as it is committed: its catalogue stays what it is while the benchmarks run."""
        folder = self.scratch / "clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
        return folder

    def home(self, name: str, **more: str) -> Home:
        """A fresh home, stopped at the end; `more` goes into its environment."""
        made = Home(self, name, **more)
        self._stack.callback(made.down)
        return made

    def account(self, pid: int, sandbox: str) -> Account:
        """Processor time of a daemon in namespaces, from now on."""
        made = Account.of(pid, sandbox)
        self._accounts.append(made)
        return made

    @cached_property
    def cold_run(self) -> tuple[Home, Sample]:
        """A home in which the main job has just run for the first time, and how long that took."""
        home = self.home("main")
        self.say("the main job in a fresh home; some minutes")
        return home, home.command("run", "--json").run()

    def bare(self) -> Command:
        """The peer of everything that is a Python program: an interpreter that does nothing."""
        return Command([sys.executable, "-c", "pass"], self.env, self.scratch)

    def tool(self, name: str | Tool, program: str | None = None) -> Path:
        """A program of the lab's toolbox, or another by its recipe, made now if it has to be."""
        import anyio

        from pipeline.lab import LabSettings, ensure

        return anyio.run(ensure, name, LabSettings.from_env(os.environ)) / (
            program or getattr(name, "name", name)
        )

    def machine(self) -> Mapping[str, object]:
        """What the figures depend on besides the program."""
        asked = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
        found = subprocess.run(asked, capture_output=True, text=True, check=False)
        if found.returncode:
            raise Failed(f"{ROOT} is no git repository: {found.stderr.strip()}")
        return {
            "date": datetime.now(UTC).date().isoformat(),
            "commit": found.stdout.strip(),
            "python": platform.python_version(),
            "cores": len(os.sched_getaffinity(0)),
            "load": round(os.getloadavg()[0], 1),
        }
