"""Compile a pinned Go module: the same inputs on any machine, with progress that counts packages."""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path

from pipeline.errors import EnvironmentProblem

from .. import process
from ..settings import LabSettings, Report
from .recipes import GoTool, architecture, module_of

_PROGRESS_EVERY = 2.0  # seconds between two lines of progress
_OLDEST = (1, 21)  # the first release that fetches the toolchain a go.mod asks for


async def build(tool: GoTool, destination: Path, settings: LabSettings, report: Report) -> None:
    """Compile the tool's packages into `destination`.

    Raises `EnvironmentProblem` if there is no Go, or with the compiler's last lines if it fails.
    """
    if sys.platform != "linux":
        raise EnvironmentProblem(
            f"{tool.name} is made on Linux only", hint="use Docker or a remote engine: LOCKAGE_ENGINE=docker"
        )
    go = await _compiler(tool, settings)
    step = f"tool {tool.name}"
    report(step, f"reading the modules of {tool.name} {tool.version}")
    environ = _environ(tool, settings)
    module = module_of(tool)
    flags = ["-tags", ",".join(tool.tags)] if tool.tags else []
    total, share = await _stale(go, tool, environ, flags, step, report)
    report(
        step,
        f"compiling {tool.name} {tool.version}: {total} packages, about {_minutes(tool.minutes * share)} "
        f"this once, kept in {settings.cache}",
    )
    linker = " ".join(["-s", "-w", *(f"-X {variable}" for variable in tool.variables)])
    counter = _Counter(step, tool, total, report)
    argv = [
        str(go),
        "build",
        "-v",
        *flags,
        "-ldflags",
        linker,
        "-o",
        f"{destination}{os.sep}",
        *tool.packages,
    ]
    done = await process.follow(argv, environ=environ, cwd=module, each=counter.line)
    if done.code != 0:
        raise EnvironmentProblem(
            f"compiling {tool.name} {tool.version} failed",
            hint="run the same command again: what was compiled is kept; look at the network and the disk",
            detail=process.tail(done.err),
        )


def _minutes(minutes: float) -> str:
    if minutes < 1:
        return f"{max(5, round(minutes * 12) * 5)} seconds"
    return f"{minutes:.0f} minute{'s' if minutes >= 1.5 else ''}"


def _environ(tool: GoTool, settings: LabSettings) -> dict[str, str]:
    environ = dict(settings.environ)
    environ |= {
        "PATH": settings.path,
        "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false",
        "GOWORK": "off",
        "GOOS": "linux",
        "GOARCH": architecture(),
        "CGO_ENABLED": "0",
        "GOEXPERIMENT": tool.experiment,
    }
    environ.setdefault("HOME", "/root")
    return environ


async def _compiler(tool: GoTool, settings: LabSettings) -> Path:
    go = process.find("go", settings)
    wish = "install Go 1.26 or newer (https://go.dev/dl), or use Docker: LOCKAGE_ENGINE=docker"
    if go is None:
        raise EnvironmentProblem(f"{tool.name} has to be compiled and there is no Go on PATH", hint=wish)
    environ = {**settings.environ, "PATH": settings.path, "GOTOOLCHAIN": "local"}
    done = await process.run([str(go), "env", "GOVERSION"], environ=environ, what="asking Go for its version")
    found = re.match(r"go(\d+)\.(\d+)", done.out)
    if found and (int(found[1]), int(found[2])) < _OLDEST:
        raise EnvironmentProblem(f"{go} is {done.out.strip()}, too old to compile {tool.name}", hint=wish)
    return go


async def _stale(
    go: Path, tool: GoTool, environ: dict[str, str], flags: list[str], step: str, report: Report
) -> tuple[int, float]:
    """Fetch the modules; how many packages the compiler's cache does not hold, and their share of all."""
    stale = held = 0
    fetched = _Throttle()

    def line(text: str) -> None:
        nonlocal stale, held
        if text.startswith("go: downloading "):
            fetched.count += 1
            if fetched.due():
                report(step, f"fetching modules: {fetched.count}, {text.removeprefix('go: downloading ')}")
        elif text == "stale":
            stale += 1
        elif text == "held":
            held += 1

    template = "{{if .Stale}}stale{{else}}held{{end}}"
    argv = [str(go), "list", "-deps", "-f", template, *flags, *tool.packages]
    done = await process.follow(argv, environ=environ, cwd=module_of(tool), each=line)
    if done.code != 0:
        raise EnvironmentProblem(
            f"the modules of {tool.name} {tool.version} could not be had",
            hint="look at the network and at GOPROXY, then run the same command again",
            detail=process.tail(done.err),
        )
    return stale, stale / max(1, stale + held)


class _Throttle:
    def __init__(self) -> None:
        self.count = 0
        self._last = time.monotonic()

    def due(self) -> bool:
        now = time.monotonic()
        if now - self._last < _PROGRESS_EVERY:
            return False
        self._last = now
        return True


class _Counter(_Throttle):
    """Turns the compiler's `-v` lines into "x of y packages"."""

    def __init__(self, step: str, tool: GoTool, total: int, report: Report) -> None:
        super().__init__()
        self._step, self._tool, self._total, self._report = step, tool, total, report

    def line(self, text: str) -> None:
        self.count += 1
        if self.due():
            total = max(self._total, self.count)
            self._report(
                self._step, f"compiling {self._tool.name}: {self.count} of {total} packages, now {text}"
            )
