"""Debian programs that the lab needs: present, or installed where that is possible without asking."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pipeline.errors import EnvironmentProblem
from pipeline.util.file_lock import locked

from .. import process
from ..settings import LabSettings, StepCallback, report_waiting

STEP = "packages"


async def need(programs: Mapping[str, str], settings: LabSettings, report: StepCallback) -> None:
    """Make sure that each program exists, or each file given by its absolute path; the values are their packages.

    As root on Debian and its derivatives, missing packages are installed with apt-get, and reported.
    Otherwise raises `EnvironmentProblem` with the command to run.
    """
    if not (missing := _missing(programs, settings)):
        return
    if os.geteuid() != 0 or not process.find("apt-get", settings):
        names = " ".join(missing)
        raise EnvironmentProblem(
            f"missing programs: {names}", hint=f"as root: apt-get update && apt-get install {names}"
        )
    settings.cache.mkdir(parents=True, exist_ok=True)
    async with locked(settings.cache / ".packages.lock", STEP, report_waiting(STEP, report)):
        if missing := _missing(programs, settings):
            await _install(missing, settings, report)


def _missing(programs: Mapping[str, str], settings: LabSettings) -> list[str]:
    return sorted({package for name, package in programs.items() if not _exists(name, settings)})


def _exists(name: str, settings: LabSettings) -> bool:
    return Path(name).exists() if name.startswith("/") else process.find(name, settings) is not None


async def _install(packages: list[str], settings: LabSettings, report: StepCallback) -> None:
    names = " ".join(packages)
    environ = settings.child_environ("debian", {"DEBIAN_FRONTEND": "noninteractive"})
    report(STEP, f"apt-get install {names}")
    lock_timeout = ("-o", "DPkg::Lock::Timeout=300")
    update = ["apt-get", "update", "-q", *lock_timeout]
    await process.run(update, environ=environ, limit=600, purpose="updating Debian's package lists")
    install = ["apt-get", "install", "-q", "-y", *lock_timeout, "--no-install-recommends", *packages]
    await process.run(install, environ=environ, limit=900, purpose=f"installing {names}")
