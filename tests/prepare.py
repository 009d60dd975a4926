"""What the tests drive, made before they begin so that it can be seen: tools and the engine's image, once.

Everything is kept by content in the user's cache directory; with all of it there, this is over at once.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial

import anyio

from pipeline.cli.output.progress import Progress
from pipeline.errors import EnvironmentProblem, LockageError
from pipeline.lab import LabSettings, ensure
from pipeline.lab.engine.image import ensure_engine_image
from pipeline.lab.tools.go_build import fetch_modules
from pipeline.lab.tools.recipes import TOOLS, GoTool, Tool
from pipeline.lab.tools.toolbox import cached
from pipeline.util.concurrency import both
from tests.tools.ci.act import ACT
from tests.tools.judges import JUDGES
from tests.tools.leftovers import remove_leftovers, temporary_root
from tests.tools.peers import ACTIONLINT, REGCTL, SLSA_VERIFIER
from tests.tools.signing.aws_kms import LOCAL_KMS
from tests.tools.signing.rekor_v1 import REKOR_V1
from tests.tools.signing.sigstore_services import SIGSTORE
from tests.workers import SITE

_TOOLS = (
    *TOOLS.values(),
    *JUDGES,
    *(REGCTL, SIGSTORE, REKOR_V1, ACTIONLINT, ACT, SLSA_VERIFIER, LOCAL_KMS),
)
_NEEDED = 2 * SITE  # bytes in the temporary folder; a third process starts only where there is more


async def main() -> None:
    """Make the quick ones first: an early failure is a cheap one."""
    settings, report = LabSettings.from_env(os.environ), Progress()
    began = time.monotonic()
    _make_room(report)
    tools = sorted(_TOOLS, key=lambda tool: tool.minutes)
    await both(partial(_make_tools, tools, settings, report), partial(_fetch_ahead, tools, settings))
    report.step("engine image", "for both ways")
    await ensure_engine_image(settings, report.step)
    report.step("ready", f"after {time.monotonic() - began:.0f} s; kept in {settings.cache}")


async def _make_tools(tools: Sequence[Tool], settings: LabSettings, report: Progress) -> None:
    for number, tool in enumerate(tools, 1):
        report.step(f"tool {number} of {len(tools)}", f"{tool.name} {tool.version}")
        await ensure(tool, settings, report.step)


async def _fetch_ahead(tools: Sequence[Tool], settings: LabSettings) -> None:
    """Fetch the modules of the next tools while one is compiled: the network is idle then, and processors meanwhile."""
    for tool in tools:
        if isinstance(tool, GoTool) and cached(tool, settings) is None:
            await fetch_modules(tool, settings)


def _make_room(report: Progress) -> None:
    """Refuse a disk on which the run would break in the middle, with failures that say nothing."""
    for folder in remove_leftovers(temporary_root()):
        report.step("removed", f"{folder}, of a run that was killed")
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if free < _NEEDED:
        raise EnvironmentProblem(
            f"{free / 10**9:.1f} GB are free in {tempfile.gettempdir()}; a run of everything takes {_NEEDED // 10**9}",
            hint="make room, or set TMPDIR to a folder on a larger disk",
        )


if __name__ == "__main__":
    try:
        anyio.run(main)
    except LockageError as fault:
        sys.exit(f"error: {fault.message}\n{fault.detail or ''}\nnext: {fault.hint}")
