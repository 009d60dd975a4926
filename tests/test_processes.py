"""Every process that the program starts gets an environment from `util/child_environment.py`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.tools.source_trees import files, nodes

_STARTS = {
    "subprocess": {"run", "Popen", "call", "check_call", "check_output", "getoutput", "getstatusoutput"},
    "anyio": {"run_process", "open_process"},
    "asyncio": {"create_subprocess_exec", "create_subprocess_shell"},
    "os": {
        *("system", "popen", "posix_spawn", "posix_spawnp", "fork", "forkpty"),
        *(f"exec{kind}" for kind in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")),
        *(f"spawn{kind}" for kind in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")),
    },
    "pty": {"spawn", "fork"},
}
_FROM_TABLE = "child_environment"
_TYPE = "ChildEnvironment"


def _starts(tree: ast.Module) -> Iterator[ast.Call]:
    """Calls that start a process, by module and function or by an imported name."""
    imported = {
        alias.asname or alias.name
        for node in nodes(tree, ast.ImportFrom)
        if node.module in _STARTS
        for alias in node.names
        if alias.name in _STARTS[node.module]
    }
    modules = {
        alias.asname or alias.name: alias.name
        for node in nodes(tree, ast.Import)
        for alias in node.names
        if alias.name in _STARTS
    }
    for node in nodes(tree, ast.Call):
        function = node.func
        if (isinstance(function, ast.Name) and function.id in imported) or (
            isinstance(function, ast.Attribute)
            and isinstance(function.value, ast.Name)
            and function.attr in _STARTS.get(modules.get(function.value.id, ""), ())
        ):
            yield node


def _typed(tree: ast.Module) -> set[str]:
    """Names of parameters and fields that are annotated as an environment of the table, or assigned from it."""
    names = set()
    for node in nodes(tree, ast.arg, ast.AnnAssign, ast.Assign):
        if (
            isinstance(node, ast.arg)
            and isinstance(node.annotation, ast.Name)
            and node.annotation.id == _TYPE
        ):
            names.add(node.arg)
        elif isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == _TYPE:
            names.add(ast.unparse(node.target))
        elif isinstance(node, ast.Assign) and _is_made(node.value):
            names.update(ast.unparse(target) for target in node.targets)
    return names


def _is_made(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == _FROM_TABLE


def _unguarded(tree: ast.Module) -> list[int]:
    """The lines where a process starts with another environment than one of the table."""
    typed, lines = _typed(tree), []
    for call in _starts(tree):
        given = next((keyword.value for keyword in call.keywords if keyword.arg == "env"), None)
        name = given.id if isinstance(given, ast.Name) else getattr(given, "attr", "")
        if given is None or not (_is_made(given) or name in typed):
            lines.append(call.lineno)
    return lines


def test_processes_start_with_an_environment_of_the_table() -> None:
    trees = dict(files())
    found = [f"{name}:{line}" for name, tree in trees.items() for line in _unguarded(tree)]
    assert not found
    assert sum(1 for tree in trees.values() for _ in _starts(tree)) >= 6


def test_only_the_table_makes_environments() -> None:
    makers = [
        name
        for name, tree in files()
        for node in nodes(tree, ast.Call)
        if ast.unparse(node.func).rpartition(".")[2] == _TYPE
    ]
    assert makers == ["util/child_environment.py"]


@pytest.mark.parametrize(
    "text",
    [
        "import subprocess\nsubprocess.run(['x'])",
        "import subprocess as s\ns.Popen(['x'], env=None)",
        "import os, subprocess\nsubprocess.run(['x'], env={**os.environ})",
        "import os, anyio\nenviron = dict(os.environ)\nanyio.open_process(['x'], env=environ)",
        "from anyio import run_process\nrun_process(['x'], env={})",
        "import os\nos.execv('x', [])",
        "import asyncio\nasyncio.create_subprocess_exec('x')",
    ],
)
def test_the_guard_sees_other_environments(text: str) -> None:
    assert _unguarded(ast.parse(text))


@pytest.mark.parametrize(
    "text",
    [
        "import anyio\nanyio.run_process(['x'], env=child_environment('git', e))",
        "import anyio\ne = child_environment('git', e)\nanyio.run_process(['x'], env=e)",
        "import subprocess\ndef f(e: ChildEnvironment): subprocess.run(['x'], env=e)",
        "import subprocess\nclass C:\n e: ChildEnvironment\nsubprocess.run(['x'], env=c.e)",
    ],
)
def test_the_guard_accepts_environments_of_the_table(text: str) -> None:
    assert not _unguarded(ast.parse(text))
