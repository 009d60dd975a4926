"""Programs that tests run: the lab's tools, compiled once and kept in the user's cache, and Debian's."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import anyio

from pipeline.lab import LabSettings, ensure
from pipeline.lab.settings import quiet
from pipeline.lab.tools import packages


@cache
def program(name: str, file: str = "") -> Path:
    """A tool's program, compiled on first use; in a thread, because the caller may be in an event loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(anyio.run, ensure, name, LabSettings.from_env(os.environ)).result() / (
            file or name
        )


def debian(**wanted: str) -> None:
    """Programs of Debian by name, each with its package; what is missing is installed, as the lab does it."""
    needed = {name.replace("_", "-"): package for name, package in wanted.items()}
    anyio.run(packages.need, needed, LabSettings.from_env(os.environ), quiet)
