"""What the package imports is what pyproject.toml declares: neither by way of something else, nor for nothing."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

from tests.tools.source_trees import files, nodes

ROOT = Path(__file__).parent.parent

# Modules of the standard library, or of distributions that are not installed, with some Pythons.
ELSEWHERE = {"backports": "backports-zstd", "compression": None}
# Distributions that no file imports, and why they are declared.
NOT_IMPORTED: dict[str, str] = {}


def declared() -> set[str]:
    """The run-time dependencies, normalised."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {normal(re.split(r"[\[<>=!~; ]", text, maxsplit=1)[0]) for text in project["dependencies"]}


def normal(name: str) -> str:
    """A distribution's name as the packaging specification normalises it."""
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def imported() -> tuple[tuple[str, str], ...]:
    """Top-level modules from outside that are imported at run time, and a file that imports each."""
    return tuple(_imported())


def _imported() -> Iterator[tuple[str, str]]:
    for name, tree in files():
        guarded = {
            inner
            for node in nodes(tree, ast.If)
            if "TYPE_CHECKING" in ast.dump(node.test)
            for statement in node.body
            for inner in ast.walk(statement)
        }
        for node in nodes(tree, ast.Import, ast.ImportFrom):
            if node in guarded:
                continue
            modules: list[str] = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules = [node.module]
            for module in modules:
                top = module.partition(".")[0]
                if top not in sys.stdlib_module_names and top != "pipeline":
                    yield top, f"pipeline/{name}"


def distributions() -> dict[str, str]:
    """The distributions that are imported, normalised, and a file that imports each."""
    installed = packages_distributions()
    out: dict[str, str] = {}
    for module, path in imported():
        if module in ELSEWHERE:
            names = [ELSEWHERE[module]] if ELSEWHERE[module] else []
        else:
            names = [normal(name) for name in installed.get(module, [module])]
        out.update(dict.fromkeys(filter(None, names), path))
    return out


def test_what_is_imported_is_declared() -> None:
    missing = {name: path for name, path in distributions().items() if name not in declared()}
    assert not missing


def test_what_is_declared_is_imported() -> None:
    assert declared() - set(distributions()) == set(NOT_IMPORTED)


def test_the_scan_sees_both_kinds_of_import() -> None:
    found = dict(imported())
    assert {"aiohttp", "yaml", "semver"} <= set(found)
    assert not {"pipeline", "json", "asyncio"} & set(found)


def test_pip_installs_by_hash_only() -> None:
    """In the scripts that set up Python, which run before anything else is checked."""
    root = Path(__file__).parents[1]
    scripts = [*(root / "ci").glob("*"), root / "lockage", root / "tests/run"]
    lines = [
        line for path in scripts for line in path.read_text("utf-8").splitlines() if "pip install" in line
    ]
    assert lines and all("--require-hashes" in line for line in lines)
