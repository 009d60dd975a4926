"""Tools: keys over everything that decides them, pins that hold, and making one for real."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import anyio
import pytest

from pipeline.errors import EnvironmentProblem, UsageError
from pipeline.lab import LabSettings
from pipeline.lab.engine import image, python_sdk
from pipeline.lab.settings import quiet
from pipeline.lab.tools import recipes, toolbox, uv
from tests.lab.conftest import Story

ROOT = Path(__file__).parents[3]
GO_TOOLS = [tool for tool in recipes.TOOLS.values() if isinstance(tool, recipes.GoTool)]


def test_a_key_covers_sources_and_flags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = recipes.GoTool("x", "1", (".",))
    monkeypatch.setattr(recipes, "MODULES", tmp_path)
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "go.mod").write_text("module x\n")
    first = recipes.key(tool)
    assert recipes.key(replace(tool, minutes=99)) == first
    assert recipes.key(replace(tool, tags=("a",))) != first
    (tmp_path / "x" / "main_test.go").write_text("package main\n")
    assert recipes.key(tool) == first
    (tmp_path / "x" / "main.go").write_text("package main\n")
    assert recipes.key(tool) != first


@pytest.mark.parametrize("tool", GO_TOOLS, ids=lambda tool: tool.name)
def test_a_module_pins_the_version_it_says(tool: recipes.GoTool) -> None:
    module = recipes.MODULES / tool.name
    assert (module / "go.sum").stat().st_size > 0
    text = (module / "go.mod").read_text()
    if tool.packages != (".",):
        assert f"v{tool.version}" in text


def test_wheels_are_pinned_by_hash() -> None:
    pins = sorted(recipes.MODULES.glob("*/requirements.txt"))
    for path in (*pins, *python_sdk._PINS):
        assert "--hash=sha256:" in path.read_text()


@pytest.mark.real
def test_modules_see_what_the_lock_says() -> None:
    program = str(anyio.run(uv.ensure, LabSettings.from_env(os.environ), quiet))
    argv = [program, "export", "--project", str(ROOT), "--frozen", "--no-dev", "--no-emit-project", "--quiet"]
    argv += ["--no-header", "--no-annotate"]
    kept = ROOT / "pipeline/lab/engine/python_sdk/requirements.txt"
    out = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert out == kept.read_text(), f"uv.lock has changed: {' '.join(argv)} > {kept.relative_to(ROOT)}"


@pytest.mark.real
def test_modules_find_their_packages_compiled() -> None:
    """Without bytecode each call compiles the whole API again."""
    content = anyio.run(python_sdk.ensure, LabSettings.from_env(os.environ), quiet)
    manifest = json.loads((content / "blobs" / python_sdk.digest(content).replace(":", "/")).read_text())
    layer = content / "blobs" / manifest["layers"][-1]["digest"].replace(":", "/")
    names = subprocess.run(["tar", "-tf", layer], capture_output=True, text=True, check=True).stdout.split()
    sources = {name for name in names if "/site-packages/dagger/" in name and name.endswith(".py")}
    assert len(sources) > 20
    for source in sources:
        folder, _, name = source.rpartition("/")
        assert f"{folder}/__pycache__/{name.removesuffix('.py')}.cpython-311.pyc" in names


def test_unknown_tools_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no tool 'podman'"):
        toolbox.cached("podman", LabSettings(tmp_path, tmp_path))


@pytest.mark.real
def test_making_tools(tmp_path: Path, story: Story) -> None:
    settings = LabSettings.from_env({**os.environ, "LOCKAGE_CACHE": str(tmp_path)})
    assert toolbox.cached("olareg", settings) is None
    left = tmp_path / "tools" / ".new-left-by-a-crash"
    left.mkdir(parents=True)

    async def both() -> list[Path]:
        found: list[Path] = []

        async def one(name: str) -> None:
            found.append(await toolbox.ensure(name, settings, story))

        async with anyio.create_task_group() as group:
            for name in ("olareg", "syft", "olareg"):
                group.start_soon(one, name)
        return found

    folders = set(anyio.run(both))
    assert len(folders) == 2
    assert not left.exists()
    for folder in folders:
        name = folder.name.rpartition("-")[0]
        record = json.loads((folder / "tool.json").read_text())
        output = subprocess.run([folder / name, "version"], capture_output=True, text=True, check=True).stdout
        assert record["version"] in output
        assert toolbox.cached(name, settings) == folder
    version = recipes.TOOLS["olareg"].version
    assert sum(f"compiling olareg {version}:" in line for line in story.lines) == 1
    again = Story()
    anyio.run(partial(toolbox.ensure, "olareg", settings, again))
    assert again.lines == []


def test_no_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LabSettings, "path", str(tmp_path))
    with pytest.raises(EnvironmentProblem, match="no Go on PATH") as caught:
        anyio.run(toolbox.ensure, "olareg", LabSettings(tmp_path, tmp_path))
    assert "go.dev" in (caught.value.hint or "")


@pytest.mark.real
def test_a_failed_compilation_says_why_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "modules" / "trivydb"
    broken.mkdir(parents=True)
    (broken / "go.mod").write_text("module lockage.invalid/lab/trivydb\n\ngo 1.21\n")
    (broken / "main.go").write_text("package main\n\nfunc main() { undefinedThing() }\n")
    monkeypatch.setattr(recipes, "MODULES", tmp_path / "modules")
    settings = LabSettings.from_env({**os.environ, "LOCKAGE_CACHE": str(tmp_path / "c")})
    with pytest.raises(EnvironmentProblem, match="compiling trivydb") as caught:
        anyio.run(toolbox.ensure, "trivydb", settings)
    assert "undefinedThing" in (caught.value.detail or "")
    assert [path.name for path in (tmp_path / "c" / "tools").iterdir()] == [".lock"]


@pytest.mark.real
@pytest.mark.parametrize(("given", "used"), [({}, "200"), ({"GOGC": "50"}, "50")])
def test_compilers_collect_as_often_as_the_user_says(
    given: dict[str, str], used: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, programs, log = tmp_path / "modules" / "trivydb", tmp_path / "programs", tmp_path / "log"
    for folder in (module, programs):
        folder.mkdir(parents=True)
    (module / "go.mod").write_text("module lockage.invalid/lab/trivydb\n\ngo 1.21\n")
    (module / "main.go").write_text("package main\n\nfunc main() {}\n")
    (programs / "go").write_text(f'#!/bin/sh\necho "$1 $GOGC" >> {log}\nexec {shutil.which("go")} "$@"\n')
    (programs / "go").chmod(0o755)
    monkeypatch.setattr(recipes, "MODULES", tmp_path / "modules")
    environ = {name: value for name, value in os.environ.items() if name != "GOGC"} | given
    path = f"{programs}:{os.environ['PATH']}"
    settings = LabSettings.from_env(environ | {"LOCKAGE_CACHE": str(tmp_path / "cache"), "PATH": path})
    anyio.run(toolbox.ensure, "trivydb", settings)
    assert f"build {used}" in log.read_text().splitlines()


def test_the_image_key_covers_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    first = image.engine_image_key()
    monkeypatch.setattr(image, "PACKAGES", (*image.PACKAGES, "vim"))
    assert image.engine_image_key() != first


@pytest.mark.parametrize(
    "script",
    [
        "seed/buildkitd-entrypoint.sh",
        "namespaces/enter.sh",
        "engine/entry.sh",
        "engine/update-ca-certificates.sh",
        "docker/engine.sh",
        "docker/rights-test.sh",
    ],
)
def test_scripts_are_shell(script: str) -> None:
    path = ROOT / "pipeline/lab" / script
    assert subprocess.run(["sh", "-n", str(path)], check=False).returncode == 0


def test_only_the_file_of_a_module_that_was_edited_is_compiled(tmp_path: Path) -> None:
    cache, source = tmp_path / "cache", tmp_path / "source"
    program = Path(python_sdk.__file__).with_name("files") / "bytecode.py"
    cache.mkdir()

    def compiled() -> dict[str, bytes]:
        for old in source.rglob("*.pyc"):
            old.unlink()
        subprocess.run([sys.executable, str(program), str(cache), str(source)], check=True)
        return {path.name.partition(".")[0]: path.read_bytes() for path in source.rglob("*.pyc")}

    (source / "package").mkdir(parents=True)
    (source / "package" / "same.py").write_text("same = 1\n")
    (source / "edited.py").write_text("before = 1\n")
    (source / "broken.py").write_text("def\n")
    first = compiled()
    assert set(first) == {"same", "edited"}
    for kept in cache.glob("*.pyc"):
        kept.write_bytes(b"kept")
    (source / "edited.py").write_text("after = 1\n")
    second = compiled()
    assert second["same"] == b"kept"
    assert b"after" in second["edited"] and b"after" not in first["edited"]
    (source / "edited.py").write_text("before = 1\n")
    assert compiled()["edited"] == b"kept"
