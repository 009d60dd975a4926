"""One site for all tests of the real thing; projects are cheap and belong to one test each."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from shutil import rmtree

import pytest

from tests import workers
from tests.tools.git import clone as clone_to
from tests.tools.git import commit

from .site import ROOT, Site

__all__ = ["commit"]

LOCKAGE_YML = """\
version: 1
project: {name}
bases: [docker.io/library/debian:bookworm-slim]
builds: {name}/builds
environments:
  - {{name: dev, repository: "{name}/dev/{{image}}"}}
  - {{name: prod, repository: "{name}/prod/{{image}}", promote: automatic}}
{more}"""


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Engine and registry up, the mirror filled; stopped when the last test that uses it is done."""
    home = tmp_path_factory.mktemp("lockage")
    made = Site(home)
    made.run("up")
    workers.BEFORE_THE_END.append(made.stop)
    yield made
    made.end()


@pytest.fixture
def project(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Path]]:
    """A git checkout with a catalogue: `project({"images/a/image.yml": "…"}, more="policy: …")`.

    Each test's repositories have a name of their own, so that tests cannot see each other's images. They go
    away with the test: kept to the end, all of them are half of what a run of everything takes on the disk.
    """
    owner = request.node.nodeid
    yield partial(checkout, tmp_path / "project", owner)
    if "site" in request.fixturenames:
        rmtree(request.getfixturevalue("site").data / "registry" / tenant(owner), ignore_errors=True)


def tenant(owner: str) -> str:
    """The first element of an owner's repositories."""
    return f"t-{hashlib.sha256(owner.encode()).hexdigest()[:12]}"


def checkout(root: Path, owner: str, files: dict[str, str], more: str = "", builds: str = "") -> Path:
    """A git checkout with a catalogue, whose repositories are those of one owner; `builds` may be shared."""
    name = tenant(owner)
    (root / "images").mkdir(parents=True, exist_ok=True)
    text = LOCKAGE_YML.format(name=name, more=more)
    (root / "lockage.yml").write_text(text.replace(f"{name}/builds", builds or f"{name}/builds"))
    for path, text in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    commit(root)
    return root


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A fresh clone of this repository as it is committed."""
    return clone_to(ROOT, tmp_path / "clone")
