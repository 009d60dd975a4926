"""Debian programs that seeding needs: found, or installed when that can be done without asking."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pipeline.errors import EnvironmentProblem
from pipeline.lab import process
from pipeline.lab.settings import Report, Settings


async def need(programs: Mapping[str, str], settings: Settings, report: Report) -> None:
    """Make sure that each program, or file by its absolute path, is there; the values are their packages.

    As root on Debian or its like what is missing is installed with apt-get, and the report says so.
    Raises `EnvironmentProblem` with the command to run otherwise.
    """
    missing = sorted({package for name, package in programs.items() if not _there(name, settings)})
    if not missing:
        return
    names = " ".join(missing)
    if os.geteuid() != 0 or not process.find("apt-get", settings):
        raise EnvironmentProblem(
            f"missing programs: {names}", hint=f"as root: apt-get update && apt-get install {names}"
        )
    environ = {**settings.environ, "PATH": settings.path, "DEBIAN_FRONTEND": "noninteractive"}
    report("packages", f"apt-get install {names}")
    await process.run(
        ["apt-get", "update", "-q"], environ=environ, limit=600, what="updating Debian's package lists"
    )
    install = ["apt-get", "install", "-q", "-y", "--no-install-recommends", *missing]
    await process.run(install, environ=environ, limit=900, what=f"installing {names}")


def _there(name: str, settings: Settings) -> bool:
    return Path(name).exists() if name.startswith("/") else process.find(name, settings) is not None
