"""What the tests drive, made before they begin so that it can be seen: tools and the engine's image, once.

Everything is kept by content in the user's cache directory; with all of it there, this is over at once.
"""

from __future__ import annotations

import os
import sys
import time

import anyio
from tools.judges import JUDGES
from tools.peers import ACTIONLINT, REGCTL

from pipeline.cli.output.progress import Progress
from pipeline.errors import LockageError
from pipeline.lab import LabSettings, ensure
from pipeline.lab.engine.image import ensure_engine_image
from pipeline.lab.tools.recipes import TOOLS

_TOOLS = (*TOOLS.values(), *JUDGES, REGCTL, ACTIONLINT)


async def main() -> None:
    """Make the quick ones first: an early failure is a cheap one."""
    settings, report = LabSettings.from_env(os.environ), Progress()
    began = time.monotonic()
    for number, tool in enumerate(sorted(_TOOLS, key=lambda tool: tool.minutes), 1):
        report.step(f"tool {number} of {len(_TOOLS)}", f"{tool.name} {tool.version}")
        await ensure(tool, settings, report.step)
    report.step("engine image", "for both ways")
    await ensure_engine_image(settings, report.step)
    report.step("ready", f"after {time.monotonic() - began:.0f} s; kept in {settings.cache}")


if __name__ == "__main__":
    try:
        anyio.run(main)
    except LockageError as fault:
        sys.exit(f"error: {fault.message}\n{fault.detail or ''}\nnext: {fault.hint}")
