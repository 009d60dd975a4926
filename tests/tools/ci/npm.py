"""Programs of npm packages: package-lock.json pins them by hash; installed once, into the user's cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import anyio

from pipeline.lab import process
from pipeline.lab.settings import LabSettings
from pipeline.util.file_lock import locked
from tests.tools.programs import debian

_PINS = ("package.json", "package-lock.json")


@cache
def program(name: str) -> Path:
    """The program of the package that the folder of this name pins; in a thread, for a loop may be running here."""
    debian(node="nodejs", npm="npm")
    with ThreadPoolExecutor(1) as pool:
        folder = pool.submit(anyio.run, _installed, Path(__file__).parents[1] / name).result()
    return folder / "node_modules" / ".bin" / name


async def _installed(pins: Path) -> Path:
    settings = LabSettings.from_env(os.environ)
    digest = hashlib.sha256(b"\0".join((pins / name).read_bytes() for name in _PINS)).hexdigest()
    final = settings.cache / "tests" / f"{pins.name}-{digest[:12]}"
    final.parent.mkdir(parents=True, exist_ok=True)
    async with locked(final.parent / ".lock", pins.name, lambda who: None):
        if final.is_dir():
            return final
        work = Path(tempfile.mkdtemp(prefix=".new-", dir=final.parent))
        made = work / "made"
        try:
            shutil.copytree(pins, made)
            install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
            environ = {**settings.environ, "PATH": settings.path}
            await process.run(
                install, environ=environ, cwd=made, limit=600, purpose=f"installing {pins.name}"
            )
            made.rename(final)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return final
