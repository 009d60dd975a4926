"""Debian programs that the lab stands on: found, or installed where that can be done without asking."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pipeline.errors import EnvironmentProblem
from pipeline.util.file_lock import locked

from .. import process
from ..settings import LabSettings, Report

STEP = "packages"


async def need(programs: Mapping[str, str], settings: LabSettings, report: Report) -> None:
    """Make sure that each program, or file by its absolute path, is there; the values are their packages.

    As root on Debian or its like what is missing is installed with apt-get, and the report says so.
    Raises `EnvironmentProblem` with the command to run otherwise.
    """
    missing = _missing(programs, settings)
    if not missing:
        return
    if os.geteuid() != 0 or not process.find("apt-get", settings):
        names = " ".join(missing)
        raise EnvironmentProblem(
            f"missing programs: {names}", hint=f"as root: apt-get update && apt-get install {names}"
        )
    settings.cache.mkdir(parents=True, exist_ok=True)
    async with locked(
        settings.cache / ".packages.lock", STEP, lambda who: report(STEP, f"waiting for {who}")
    ):
        missing = _missing(programs, settings)
        if missing:
            await _install(missing, settings, report)


def _missing(programs: Mapping[str, str], settings: LabSettings) -> list[str]:
    return sorted({package for name, package in programs.items() if not _there(name, settings)})


def _there(name: str, settings: LabSettings) -> bool:
    return Path(name).exists() if name.startswith("/") else process.find(name, settings) is not None


async def _install(packages: list[str], settings: LabSettings, report: Report) -> None:
    names = " ".join(packages)
    environ = {**settings.environ, "PATH": settings.path, "DEBIAN_FRONTEND": "noninteractive"}
    report(STEP, f"apt-get install {names}")
    patience = ("-o", "DPkg::Lock::Timeout=300")
    await process.run(
        ["apt-get", "update", "-q", *patience],
        environ=environ,
        limit=600,
        what="updating Debian's package lists",
    )
    install = ["apt-get", "install", "-q", "-y", *patience, "--no-install-recommends", *packages]
    await process.run(install, environ=environ, limit=900, what=f"installing {names}")
