"""The package's files as syntax trees, parsed once for all tests that look at them."""

from __future__ import annotations

import ast
import gc
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "pipeline"
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
def nodes(tree: ast.AST) -> tuple[ast.AST, ...]:
    """Every node of a tree, as by `ast.walk`: each test looks at all."""
    return tuple(ast.walk(tree))
