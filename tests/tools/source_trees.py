"""The package's files as syntax trees, parsed once for all tests that look at them."""

from __future__ import annotations

import ast
import gc
from functools import cache
from pathlib import Path
from typing import TypeVar

PACKAGE = Path(__file__).parents[2] / "pipeline"
N = TypeVar("N", bound=ast.AST)
CARGO = ("lab/engine/python_sdk/files",)  # runs inside a container of the engine, not in this program


@cache
def files() -> tuple[tuple[str, ast.Module], ...]:
    """Every file of the package and its tree. They live to the end: the collector does not visit a million nodes again
    and again, here and in the tests that follow."""
    names = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}
    gc.disable()
    try:
        return tuple(
            (name, ast.parse(path.read_text(encoding="utf-8")))
            for name, path in names.items()
            if not name.startswith(CARGO)
        )
    finally:
        gc.freeze()
        gc.enable()


@cache
def nodes(tree: ast.AST, *kinds: type[N]) -> tuple[N, ...]:
    """The nodes of these kinds in a tree, in the order of `ast.walk`, which is done once for each tree."""
    return tuple(node for node in _all_nodes(tree) if isinstance(node, kinds))


@cache
def _all_nodes(tree: ast.AST) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree))
