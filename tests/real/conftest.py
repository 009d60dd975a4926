"""One site for all tests of the real thing; projects are cheap and belong to one test each."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .site import ROOT, Site

LOCKAGE_YML = """\
version: 1
project: {name}
bases: [docker.io/library/debian:bookworm-slim]
builds: {name}/builds
environments:
  - {{name: dev, repository: "{name}/dev/{{image}}"}}
  - {{name: prod, repository: "{name}/prod/{{image}}"}}
{more}"""


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Engine and registry up, the mirror filled; stopped when the last test is done."""
    home = tmp_path_factory.mktemp("lockage")
    made = Site(home)
    made.run("up")
    yield made
    made.run("down", "--force")


@pytest.fixture
def project(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., Path]:
    """A git checkout with a catalogue: `project({"images/a/image.yml": "…"}, more="policy: …")`.

    Each test's repositories have a name of their own, so that tests cannot see each other's images.
    """
    name = f"t-{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:12]}"

    def make(files: dict[str, str], more: str = "") -> Path:
        root = tmp_path / "project"
        (root / "images").mkdir(parents=True, exist_ok=True)
        (root / "lockage.yml").write_text(LOCKAGE_YML.format(name=name, more=more))
        for path, text in files.items():
            place = root / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        commit(root)
        return root

    return make


def commit(root: Path, message: str = "a change") -> str:
    """Commit everything in a checkout (made a repository first where it is none); gives the commit's id."""
    author = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    if not (root / ".git").exists():
        _git(root, "init", "--quiet")
    _git(root, "add", "--all")
    _git(root, *author, "commit", "--quiet", "--allow-empty", "--message", message)
    return _git(root, "rev-parse", "HEAD")


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A fresh clone of this repository as it is committed."""
    target = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(target)], check=True)
    return target
