"""Compile a pinned Go module reproducibly, with progress counted in packages."""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path

from pipeline.errors import EnvironmentProblem
from pipeline.util.child_environment import ChildEnvironment
from pipeline.util.dataclass import dataclass

from .. import process
from ..settings import LabSettings, StepCallback, quiet
from .recipes import GoTool, architecture, module_folder

_REPORT_INTERVAL = 2.0  # seconds between two lines of progress
# The linker would drop it. No part of a tool's key: what was compiled with it is as good.
_NO_DWARF = "-gcflags=all=-dwarf=false"
# GOGC, per cent of growth between collections of garbage: what compilers take more than by default, 100, DWARF took.
_GARBAGE_GROWTH = "200"
_OLDEST_GO = (1, 21)  # the first release that fetches the toolchain a go.mod requires


@dataclass(frozen=True, slots=True)
class _Compilation:
    """One tool, the Go command and environment that compile it, and its progress."""

    tool: GoTool
    go: Path
    environ: ChildEnvironment
    report: StepCallback

    @property
    def step(self) -> str:
        return f"tool {self.tool.name}"

    @property
    def flags(self) -> list[str]:
        tags = ["-tags", ",".join(self.tool.tags)] if self.tool.tags else []
        return [*tags, _NO_DWARF]

    def list_packages(self, template: str) -> list[str]:
        """The command that lists all packages that are compiled; it fetches their modules."""
        return [str(self.go), "list", "-deps", "-f", template, *self.flags, *self.tool.packages]


async def build_go_tool(tool: GoTool, destination: Path, settings: LabSettings, report: StepCallback) -> None:
    """Compile the tool's packages into `destination`.

    Raises `EnvironmentProblem` if there is no Go, or with the compiler's last lines if it fails.
    """
    if sys.platform != "linux":
        raise EnvironmentProblem(
            f"{tool.name} can be built on Linux only",
            hint="use Docker or a remote engine: LOCKAGE_ENGINE=docker",
        )
    go = await _find_go(tool, settings)
    compilation = _Compilation(tool, go, _environ(tool, settings), report)
    report(compilation.step, f"fetching the modules of {tool.name} {tool.version}")
    stale, total = await _count_packages(compilation)
    minutes = tool.minutes * stale / max(1, total)
    report(
        compilation.step,
        f"compiling {tool.name} {tool.version}: {stale} packages, about {_duration(minutes)}, "
        f"once; kept in {settings.cache}",
    )
    linker_flags = " ".join(["-s", "-w", *(f"-X {variable}" for variable in tool.variables)])
    argv = [
        *(str(go), "build", "-v", *compilation.flags, "-ldflags", linker_flags),
        *("-o", f"{destination}{os.sep}", *tool.packages),
    ]
    progress = _PackageProgress(compilation, stale)
    completed = await process.follow(
        argv, environ=compilation.environ, cwd=module_folder(tool), on_line=progress.compiled
    )
    if completed.code != 0:
        raise EnvironmentProblem(
            f"compiling {tool.name} {tool.version} failed",
            hint="check the network and the disk, then run the same command again: compiled packages are kept",
            detail=process.tail(completed.stderr),
        )


async def fetch_modules(tool: GoTool, settings: LabSettings) -> None:
    """Fetch the modules of a tool ahead of `build_go_tool`, which reports those that could not be fetched.

    Raises `EnvironmentProblem` if there is no Go.
    """
    compilation = _Compilation(tool, await _find_go(tool, settings), _environ(tool, settings), quiet)
    argv = compilation.list_packages("{{/* nothing */}}")
    await process.follow(argv, environ=compilation.environ, cwd=module_folder(tool), on_line=_ignore)


def _ignore(line: str) -> None:
    """Ignore a line."""


def _duration(minutes: float) -> str:
    if minutes < 1:
        return f"{max(5, round(minutes * 12) * 5)} seconds"
    return f"{minutes:.0f} minute{'s' if minutes >= 1.5 else ''}"


def _environ(tool: GoTool, settings: LabSettings) -> ChildEnvironment:
    environ = {
        "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false",
        "GOWORK": "off",
        "GOOS": "linux",
        "GOARCH": architecture(),
        "CGO_ENABLED": "0",
        "GOEXPERIMENT": tool.experiment,
        "GOGC": settings.environ.get("GOGC", _GARBAGE_GROWTH),
    }
    if "HOME" not in settings.environ:
        environ["HOME"] = "/root"
    return settings.child_environ("go", environ)


async def _find_go(tool: GoTool, settings: LabSettings) -> Path:
    go = process.find("go", settings)
    hint = "install Go 1.26 or newer (https://go.dev/dl), or use Docker: LOCKAGE_ENGINE=docker"
    if go is None:
        raise EnvironmentProblem(f"{tool.name} has to be compiled and there is no Go on PATH", hint=hint)
    environ = settings.child_environ("go", {"GOTOOLCHAIN": "local"})
    completed = await process.run(
        [str(go), "env", "GOVERSION"], environ=environ, purpose="asking Go for its version"
    )
    version = re.match(r"go(\d+)\.(\d+)", completed.stdout)
    if version and (int(version[1]), int(version[2])) < _OLDEST_GO:
        raise EnvironmentProblem(
            f"{go} is {completed.stdout.strip()}, too old to compile {tool.name}", hint=hint
        )
    return go


async def _count_packages(compilation: _Compilation) -> tuple[int, int]:
    """Fetch the modules; the number of packages that Go's cache does not have, and of all packages."""
    stale = fresh = 0
    fetched = _Throttle()
    tool = compilation.tool

    def count(line: str) -> None:
        nonlocal stale, fresh
        if line.startswith("go: downloading "):
            fetched.count += 1
            if fetched.due():
                module = line.removeprefix("go: downloading ")
                compilation.report(compilation.step, f"fetching modules: {fetched.count}, {module}")
        elif line == "stale":
            stale += 1
        elif line == "fresh":
            fresh += 1

    template = "{{if .Stale}}stale{{else}}fresh{{end}}"
    argv = compilation.list_packages(template)
    completed = await process.follow(
        argv, environ=compilation.environ, cwd=module_folder(tool), on_line=count
    )
    if completed.code != 0:
        raise EnvironmentProblem(
            f"the modules of {tool.name} {tool.version} could not be fetched",
            hint="check the network and GOPROXY, then run the same command again",
            detail=process.tail(completed.stderr),
        )
    return stale, stale + fresh


class _Throttle:
    """Counts events, and says when the next one may be reported."""

    def __init__(self) -> None:
        self.count = 0
        self._last = time.monotonic()

    def due(self) -> bool:
        now = time.monotonic()
        if now - self._last < _REPORT_INTERVAL:
            return False
        self._last = now
        return True


class _PackageProgress(_Throttle):
    """Reports the compiler's `-v` lines as "x of y packages"."""

    def __init__(self, compilation: _Compilation, total: int) -> None:
        super().__init__()
        self._compilation, self._total = compilation, total

    def compiled(self, package: str) -> None:
        self.count += 1
        if self.due():
            total = max(self._total, self.count)
            name = self._compilation.tool.name
            self._compilation.report(
                self._compilation.step, f"compiling {name}: {self.count} of {total} packages, now {package}"
            )
