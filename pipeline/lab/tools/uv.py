"""uv, for taking Python wheels by hash: the one on PATH, else one of our own in the cache."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from pipeline.errors import EnvironmentProblem
from pipeline.util.file_lock import locked

from .. import process
from ..settings import LabSettings, Report

STEP = "uv"
PINS = Path(__file__).parent / "uv.txt"


def find(settings: LabSettings) -> Path | None:
    """A uv that is there already: on PATH, or in the cache."""
    if found := process.find("uv", settings):
        return found
    return next((path for path in sorted(settings.cache.glob("uv-*/bin/uv")) if path.is_file()), None)


async def ensure(settings: LabSettings, report: Report) -> Path:
    """A uv, installed by pip into the cache if there is none.

    Raises `EnvironmentProblem` where this Python has no venv and pip, or the wheel cannot be had.
    """
    if found := find(settings):
        return found
    settings.cache.mkdir(parents=True, exist_ok=True)
    async with locked(settings.cache / ".uv.lock", STEP, lambda who: report(STEP, f"waiting for {who}")):
        if found := find(settings):
            return found
        version = PINS.read_text().partition("==")[2].split()[0]
        report(STEP, f"installing uv {version}")
        final = settings.cache / f"uv-{version}"
        fresh = settings.cache / f".new-uv-{version}"
        shutil.rmtree(fresh, ignore_errors=True)
        environ = {**settings.environ, "PATH": settings.path}
        venv = await process.run([sys.executable, "-m", "venv", str(fresh)], environ=environ)
        pip = [str(fresh / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        argv = [*pip, "--no-deps", "--require-hashes", "-r", str(PINS)]
        done = await process.run(argv, environ=environ, limit=600) if venv.code == 0 else venv
        if done.code != 0:
            raise EnvironmentProblem(
                f"uv {version} could not be installed",
                hint="install uv (https://docs.astral.sh/uv), then run the same command again",
                detail=process.tail(done.err or done.out) or None,
            )
        shutil.rmtree(final, ignore_errors=True)
        fresh.rename(final)
    return final / "bin" / "uv"
