"""What a command does not need it does not import: start-up is short because of what is left out, not of a clock."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

_ENGINE = {"dagger", "gql", "httpx"}
_NETWORK = {"aiohttp", "asyncio", "cryptography", "nacl", "ssl"}
_MODELS = {"jinja2", "pydantic", "yaml"}

_LOOK = """
import contextlib, io, json, sys
from pipeline.cli import main
code = 0
with contextlib.redirect_stdout(io.StringIO()):
    try:
        code = main(sys.argv[1:])
    except SystemExit as end:
        code = end.code or 0
assert code == 0, code
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def _imported(tmp_path: Path, *arguments: str, **environ: str) -> set[str]:
    """The top-level modules in memory after a command that ended well, in a home where nothing was ever done."""
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("LOCKAGE_", "PYTHON"))}
    env = keep | {"LOCKAGE_HOME": str(tmp_path / "home"), "LOCKAGE_CACHE": str(tmp_path / "cache")} | environ
    done = subprocess.run(
        [sys.executable, "-B", "-c", _LOOK, *arguments],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["run", "--help"],
        ["promote", "--help"],
        ["completion", "bash"],
        ["__complete", "zsh", "run", "--"],
        ["__complete", "zsh", "promote", "--data", ""],
    ],
)
def test_help_imports_no_more_than_it_prints_with(tmp_path: Path, arguments: list[str]) -> None:
    """`lockage --help`: the parser of the command line and the errors, not even anyio."""
    assert not _imported(tmp_path, *arguments) & {
        *_ENGINE,
        *_NETWORK,
        *_MODELS,
        "anyio",
        "rich",
        "subprocess",
    }


def test_an_unchanged_plan_is_read_back_without_what_made_it(tmp_path: Path) -> None:
    """The first `lockage plan` validates and renders; the second one only compares and reads."""
    first, second = _imported(tmp_path, "plan"), _imported(tmp_path, "plan")
    assert first & _MODELS == _MODELS
    assert not (first | second) & {*_ENGINE, "aiohttp", "asyncio", "rich"}
    assert not second & {*_NETWORK, *_MODELS}


def test_names_are_completed_without_a_plan(tmp_path: Path) -> None:
    """The first time they come from the plan; then they are read back, without even the catalogue."""
    question = "__complete", "fish", "run", "base:"
    first, second = _imported(tmp_path, *question), _imported(tmp_path, *question)
    assert first & _MODELS == _MODELS
    assert not (first | second) & {*_ENGINE, *_NETWORK - {"ssl"}, "rich"}
    assert not second & {*_NETWORK, *_MODELS, "anyio", "subprocess"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["plan", "--json"],
        ["plan", "--explain", "base"],
        ["graph", "--format", "dot"],
        ["generate", "--check"],
    ],
)
def test_the_catalogue_needs_neither_network_nor_engine(tmp_path: Path, arguments: list[str]) -> None:
    """Every command on the catalogue alone, whatever it prints."""
    if "--check" in arguments:
        arguments = [*arguments, "--output", str(tmp_path / "dist")]
        _imported(tmp_path, "generate", "--output", str(tmp_path / "dist"))
    assert not _imported(tmp_path, *arguments) & {*_ENGINE, *_NETWORK, "rich"}


def test_status_looks_without_a_client_or_a_model(tmp_path: Path) -> None:
    """`lockage status` asks its daemons over plain sockets."""
    assert not _imported(tmp_path, "status") & {*_ENGINE, *_MODELS, "aiohttp", "cryptography", "rich"}


@pytest.mark.parametrize(
    "front",
    [
        "pipeline.run",
        "pipeline.run.pipeline",
        "pipeline.cli.run_context",
        "pipeline.release",
        "pipeline.trust",
    ],
)
def test_the_rooms_are_entered_without_the_engine_library(front: str) -> None:
    """A run with nothing to do imports neither dagger nor what reads a catalogue: its plan is read back."""
    code = f"import sys, {front}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-B", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not {*done.stdout.split()} & {*_ENGINE, *_MODELS, "rich"}


def test_a_run_imports_what_acts_when_it_acts() -> None:
    """Most runs find their registry running and their images up to date: they neither start, build, examine nor sign
    anything."""
    rooms = "pipeline.cli.run_context, pipeline.lab.instance, pipeline.run.pipeline"
    code = f"import sys, {rooms}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-B", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not {*done.stdout.split()} & {
        "importlib.metadata",
        "pipeline.dockerfile.instructions",
        "pipeline.engine.buildkit.client",
        "pipeline.engine.session",
        "pipeline.lab.docker.engine",
        "pipeline.lab.namespaces.engine",
        "pipeline.lab.seed.seeding",
        "pipeline.provenance.build",
        "pipeline.run.publish.promote",
        "pipeline.run.signing.ensure_signed",
        "pipeline.run.target.build",
        "pipeline.run.target.examination.examine",
        "pipeline.sbom.complete",
    }


def test_plug_ins_of_pydantic_are_not_looked_for(tmp_path: Path) -> None:
    """What is installed beside the program neither changes what a file means nor costs a search."""
    installed = tmp_path / "installed"
    metadata = installed / "stranger-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[pydantic]\nstranger = stranger:PLUGIN\n")
    (installed / "stranger.py").write_text("PLUGIN = object()\n")
    found = _imported(tmp_path, "plan", PYTHONPATH=str(installed))
    assert "pydantic" in found and "stranger" not in found
