"""The rooms' arrows: what each may import, who knows the engine, the terminal and the environment."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

from tests.tools.source_trees import PACKAGE, files, nodes

_TESTS = Path(__file__).parent
_LINES, _MODULES = 300, 16  # of a file, of a folder: in the package and in its tests

# A room may import what stands here, and whatever that may import.
ARROWS = {
    "errors": (),
    "util": ("errors",),
    "model": ("util",),
    "config": ("model",),
    "dockerfile": ("model",),
    "catalogue": ("config", "dockerfile"),
    "plan": ("catalogue",),
    "importing": ("plan",),
    "policy": ("model",),
    "sbom": ("model",),
    "provenance": ("plan", "policy", "sbom"),
    "oci": ("model",),
    "registry": ("oci",),
    "trust": ("registry",),
    "state": ("trust", "policy", "plan"),
    "engine": ("plan",),
    "run": ("engine", "state", "provenance"),
    "release": ("run",),
    "bundle": ("registry",),
    "report": ("policy",),
    "reporting": ("release", "report"),
    "ci": ("plan",),
    "forge": ("registry", "ci"),
    "lab": ("registry",),
    "cli": ("importing", "bundle", "reporting", "forge", "lab"),
    "module": ("bundle", "reporting", "ci"),
}
# In the rooms that are pure, the files that look at a disk.
ON_DISK = {
    "catalogue/source.py",
    "catalogue/templating/bytecode.py",
    "plan/cache/cache.py",
    "plan/cache/fingerprint.py",
    "plan/output/disk.py",
    "plan/output/generate.py",
}
PURE = (
    "errors",
    "model",
    "config",
    "dockerfile",
    "catalogue",
    "plan",
    "importing",
    "policy",
    "report",
    "sbom",
    "provenance",
)
IMPURE = {
    "os",
    "pathlib",
    "tempfile",
    "subprocess",
    "socket",
    "time",
    "random",
    "asyncio",
    "anyio",
    "shutil",
    "glob",
}


@dataclass(frozen=True)
class Import:
    """One imported module, where, and whether only a type checker sees it."""

    file: str
    room: str
    module: str
    line: int
    typing: bool

    def __str__(self) -> str:
        return f"pipeline/{self.file}:{self.line} imports {self.module}"


@cache
def imports() -> list[Import]:
    """Every import of every file, relative ones made absolute."""
    out = []
    for name, tree in files():
        hidden = {
            id(inner)
            for node in nodes(tree, ast.If)
            if "TYPE_CHECKING" in ast.unparse(node.test)
            for body in node.body
            for inner in ast.walk(body)
        }
        package = ["pipeline", *name.split("/")[:-1]]
        for node in nodes(tree, ast.Import, ast.ImportFrom):
            modules: list[str] = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                above = package[: len(package) - node.level + 1] if node.level else []
                module = ".".join([*above, *([node.module] if node.module else [])])
                modules = [f"{module}.{a.name}" for a in node.names] if module == "pipeline" else [module]
            room = name.split("/")[0].removesuffix(".py")
            out += [Import(name, room, module, node.lineno, id(node) in hidden) for module in modules]
    return out


def allowed(room: str) -> set[str]:
    """A room, and all that it may import."""
    out = {room}
    for below in ARROWS[room]:
        out |= allowed(below)
    return out


def test_every_room_is_known():
    rooms = {i.room for i in imports()} - {"__init__"}
    assert rooms <= set(ARROWS)


@pytest.mark.parametrize("room", ARROWS)
def test_arrows(room):
    may = allowed(room)
    wrong = [
        str(i)
        for i in imports()
        if i.room == room and i.module.startswith("pipeline.") and i.module.split(".")[1] not in may
    ]
    assert not wrong


def test_arrows_lead_nowhere_twice():
    for room, below in ARROWS.items():
        for other in below:
            assert room not in allowed(other), f"{room} and {other} import each other"


@pytest.mark.parametrize(
    ("library", "rooms"),
    [
        ("dagger", {"engine", "module"}),
        ("rich", {"cli"}),
        ("jinja2", {"catalogue", "report", "ci"}),
        ("pydantic", {"config"}),
        ("aiohttp", {"registry"}),
    ],
)
def test_who_knows_a_library(library, rooms):
    wrong = [
        str(i)
        for i in imports()
        if i.module.split(".")[0] == library and i.room not in rooms and not i.typing
    ]
    assert not wrong


def test_pure_rooms_reach_for_nothing():
    wrong = [
        str(i)
        for i in imports()
        if i.room in PURE and i.module.split(".")[0] in IMPURE and i.file not in ON_DISK and not i.typing
    ]
    assert not wrong


def test_pure_rooms_do_not_read_the_clock():
    calls = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today")}
    wrong = [f"pipeline/{name}:{line}" for name, line in uses(calls) if name.split("/")[0] in PURE]
    assert not wrong


def uses(names: set[tuple[str, str]]) -> list[tuple[str, int]]:
    """Where an attribute of a module is used."""
    out = []
    for name, tree in files():
        for node in nodes(tree, ast.Attribute, ast.ImportFrom):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                if (node.value.id, node.attr) in names:
                    out.append((name, node.lineno))
            elif isinstance(node, ast.ImportFrom) and any((node.module, a.name) in names for a in node.names):
                out.append((name, node.lineno))
    return out


def test_one_place_knows_buildkits_programs():
    """Their command lines, sockets and files. The lab makes them and keeps their state; nobody else names them."""
    wrong = [
        f"pipeline/{path.relative_to(PACKAGE).as_posix()}"
        for path in sorted(PACKAGE.rglob("*"))
        if path.suffix in {".py", ".sh"}
        and any(n in path.read_text("utf-8") for n in ("buildctl", "buildkitd"))
    ]
    assert not [name for name in wrong if not name.startswith(("pipeline/engine/buildkit/", "pipeline/lab/"))]


def test_the_environment_is_read_by_the_fronts_alone():
    found = uses({("os", "environ"), ("os", "getenv"), ("os", "environb")})
    assert not [f"pipeline/{name}:{line}" for name, line in found if not name.startswith(("cli/", "module/"))]


def test_values_compile_their_methods_when_they_are_called():
    """`pipeline.util.dataclass`, but for the errors, on which `util` rests."""
    own = {"errors.py", "util/dataclass.py"}
    found = uses({("dataclasses", "dataclass")})
    assert not [f"pipeline/{name}:{line}" for name, line in found if name not in own]


def test_only_the_front_prints():
    wrong = [
        f"pipeline/{name}:{node.lineno}"
        for name, tree in files()
        for node in nodes(tree, ast.Call)
        if isinstance(node.func, ast.Name) and node.func.id == "print"
        if not name.startswith("cli/")
    ]
    assert not wrong


def test_files_stay_small():
    long = [name for name, _ in files() if len((PACKAGE / name).read_text("utf-8").splitlines()) > _LINES]
    assert not long


def test_folders_stay_small():
    assert not crowded(name for name, _ in files())


def crowded(names: Iterable[str]) -> dict[str, int]:
    """Folders of too many modules, by the modules' paths."""
    folders = Counter(name.rpartition("/")[0] for name in names if not name.endswith("__init__.py"))
    return {folder: count for folder, count in folders.items() if count > _MODULES}


@cache
def modules_of_tests() -> dict[str, Path]:
    """The tests' modules by their paths; `tests/data` is what they read."""
    found = {path.relative_to(_TESTS).as_posix(): path for path in _TESTS.rglob("*.py")}
    return {name: path for name, path in found.items() if not name.startswith("data/")}


def test_files_of_tests_stay_small():
    modules = modules_of_tests()
    assert len(modules) > 500
    assert not [n for n, path in modules.items() if len(path.read_text("utf-8").splitlines()) > _LINES]


def test_folders_of_tests_stay_small():
    assert not crowded(modules_of_tests())


def test_pytest_looks_into_every_folder_of_tests(pytestconfig):
    """It passes over folders of some names, such as `build`, without a word; modules need a package around them."""
    folders = {
        folder
        for path in modules_of_tests().values()
        for folder in path.parents
        if folder.is_relative_to(_TESTS)
    }
    skipped = pytestconfig.getini("norecursedirs")
    assert not [str(f) for f in folders if any(fnmatch(f.name, pattern) for pattern in skipped)]
    assert not [str(f) for f in folders if not (f / "__init__.py").exists()]
