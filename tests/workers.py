"""How the tests are shared among processes: a module's tests stay together, and long modules begin first.

Each process has a site of its own (tests/real/conftest.py), so modules do not see each other. What changes or measures
the machine itself is one group, which one process runs from end to end.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

MOST = 4  # processes; each may start an engine, a registry and their caches
SITE = 8_000_000_000  # bytes of the temporary folder that one of them may take
UNREAL = "not real"  # what `-m` selects while working
HOST = "host"
ON_THE_HOST = (
    "tests/lab/namespaces/",
    "tests/lab/docker/",
    "tests/lab/engine/test_emulation.py",  # registers programs with the kernel, for everyone
    "tests/real/setup/test_engines.py",
    "tests/real/dockerfile/test_platforms.py",
    "tests/real/setup/test_docker.py",
    "tests/real/builds/test_interrupted.py::test_a_disk_that_is_full",
)
FORKED = "forked"
ON_FORKED = (  # one process imports the whole program for all of them (tests/tools/warm.py)
    "tests/cli/",
    "tests/ci/test_generate.py",
)
SOURCES = "sources"
ON_SOURCES = (  # the package's files are parsed once for all of them
    "tests/test_rooms.py",
    "tests/test_files.py",
    "tests/test_processes.py",
    "tests/test_dependencies.py",
)
TOGETHER = (  # folders whose modules share what is costly to set up: fixtures of the scope "package"
    "tests/sbom/documents/",
    "tests/trust/keyless/sigstore/",
)
LONG = (
    "tests/real/module/test_module.py",
    "tests/real/dockerfile/test_features.py",
    "tests/real/module/test_content.py",
    HOST,
    "tests/real/builds/test_interrupted.py",
    "tests/real/builds/test_builder.py",
    "tests/real/builds/test_reach.py",
    "tests/real/publish/test_faults.py",
    "tests/real/publish/test_standing.py",
    "tests/real/publish/test_chain.py",
    "tests/real/builds/test_cache.py",
    "tests/real/setup/test_readme.py",
    "tests/real/jobs/test_github.py",
    "tests/real/jobs/test_jenkins.py",
    "tests/real/jobs/test_gitlab.py",
    "tests/real/publish/test_fanin.py",
    "tests/real/scan/test_sbom.py",
    "tests/real/gates/test_gates.py",
    "tests/real/builds/test_reproducible.py",
    "tests/registry/interrupted/test_release.py",
    *TOGETHER,
    FORKED,
    "tests/test_types.py",  # half a minute of mypy where the package was edited
    "tests/fuzz/test_targets.py",
    "tests/catalogue/templating/test_limits.py",
)
BEFORE_THE_END: list[Callable[[], object]] = []
"""What a process does before the first group that fills up the end: sites take half a minute to remove."""
_REAL = re.compile(r"^pytestmark = (?:\[[^\]]*)?pytest\.mark\.real\b", re.MULTILINE)
_RANK = {group: number for number, group in enumerate(LONG)}


def group_of(test: str) -> str:
    """The group of a test, by its path in the repository and its name."""
    if test.startswith(ON_FORKED):
        return FORKED
    if test.startswith(ON_SOURCES):
        return SOURCES
    if shared := next((folder for folder in TOGETHER if test.startswith(folder)), ""):
        return shared
    return HOST if test.startswith(ON_THE_HOST) else test.partition("::")[0]


def is_real(module: str) -> bool:
    """Whether a module's text marks all its tests as real: `-m "not real"` need not import it."""
    return _REAL.search(module) is not None


def rank(group: str) -> tuple[int, str]:
    """Sorts groups: the long ones, the other real ones, and the short ones, which fill up the end."""
    folders = ("tests/real/", "tests/lab/", "tests/registry/")
    return _RANK.get(group, len(_RANK) + (0 if group.startswith(folders) else 1)), group


def fills_up(group: str) -> bool:
    """Whether a group is one of those at the end: no process that has begun with them gets any other."""
    return rank(group)[0] > len(_RANK)


def count(arguments: Sequence[str], selection: str, marks: str) -> int:
    """The number of processes for a run: none besides this one unless whole folders are asked for. Real tests wait for
    daemons and limits of time, so that one process more than there are cores keeps them busy, where there is room."""
    folders = any(Path(argument).is_dir() for argument in arguments)
    if not folders or selection or cores() == 1:
        return 0
    return min(MOST, cores() if marks == UNREAL else min(cores() + 1, max(cores(), rooms())))


def rooms() -> int:
    """The sites that the temporary folder has room for."""
    return shutil.disk_usage(tempfile.gettempdir()).free // SITE


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
