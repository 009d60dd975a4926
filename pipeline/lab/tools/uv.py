"""uv, for fetching Python wheels by hash: the one on PATH, otherwise one installed into the cache."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from pipeline.errors import EnvironmentProblem
from pipeline.util.file_lock import locked

from .. import process
from ..settings import LabSettings, StepCallback, report_waiting

STEP = "uv"
PINS = Path(__file__).parent / "uv.txt"


def find(settings: LabSettings) -> Path | None:
    """The uv on PATH, or the one in the cache."""
    if program := process.find("uv", settings):
        return program
    return next((path for path in sorted(settings.cache.glob("uv-*/bin/uv")) if path.is_file()), None)


async def ensure(settings: LabSettings, report: StepCallback) -> Path:
    """A uv, installed by pip into the cache if there is none.

    Raises `EnvironmentProblem` if this Python has no venv and pip, or the wheel is unavailable.
    """
    if program := find(settings):
        return program
    settings.cache.mkdir(parents=True, exist_ok=True)
    async with locked(settings.cache / ".uv.lock", STEP, report_waiting(STEP, report)):
        if program := find(settings):
            return program
        version = PINS.read_text().partition("==")[2].split()[0]
        report(STEP, f"installing uv {version}")
        final = settings.cache / f"uv-{version}"
        fresh = settings.cache / f".new-uv-{version}"
        shutil.rmtree(fresh, ignore_errors=True)
        environ = settings.child_environ("python")
        completed = await process.run([sys.executable, "-m", "venv", str(fresh)], environ=environ)
        if completed.code == 0:
            pip = [str(fresh / "bin/python"), "-m", "pip", "install", "--quiet"]
            argv = [*pip, "--disable-pip-version-check", "--no-deps", "--require-hashes", "-r", str(PINS)]
            completed = await process.run(argv, environ=environ, limit=600)
        if completed.code != 0:
            raise EnvironmentProblem(
                f"uv {version} could not be installed",
                hint="install uv (https://docs.astral.sh/uv), then run the same command again",
                detail=process.tail(completed.stderr or completed.stdout) or None,
            )
        shutil.rmtree(final, ignore_errors=True)
        fresh.rename(final)
    return final / "bin" / "uv"
