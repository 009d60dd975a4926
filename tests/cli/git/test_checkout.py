"""A commit in a folder of its own, from a clone; what leads elsewhere or is no repository's address is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.cli.git.checkout import catalogue_in, check_out
from pipeline.errors import BuildError, UsageError
from tests.tools.git import commit, git

ENVIRON = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A clone whose older commit has a catalogue in a folder, and which would run a hook."""
    root = tmp_path / "source"
    (root / "containers").mkdir(parents=True)
    (root / "containers" / "lockage.yml").write_text("version: 1\n")
    (root / "out").symlink_to(tmp_path)
    commit(root)
    return root


def test_an_older_commit_without_its_hooks(source: Path, tmp_path: Path) -> None:
    older = git(source, "rev-parse", "HEAD")
    hook = source / ".git" / "hooks" / "post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/hooked\n")
    hook.chmod(0o755)
    (source / "containers" / "lockage.yml").unlink()
    commit(source, "newer")
    folder = tmp_path / "folder"
    folder.mkdir()
    check_out(source, older, folder, ENVIRON)
    assert catalogue_in(folder, "containers") == folder / "containers"
    assert git(folder, "rev-parse", "HEAD") == older and not (tmp_path / "hooked").exists()


@pytest.mark.parametrize(
    "path", ["", "nothing", "..", "../source/containers", "/", "out", "out/source/containers"]
)
def test_a_catalogue_is_inside_the_checkout(source: Path, tmp_path: Path, path: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    check_out(source, git(source, "rev-parse", "HEAD"), folder, ENVIRON)
    with pytest.raises(BuildError, match="has no catalogue in"):
        catalogue_in(folder, path)


def test_a_commit_that_is_not_there(source: Path, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="cannot be had from"):
        check_out(source, "a" * 40, tmp_path, ENVIRON)


@pytest.mark.parametrize(
    "address",
    [
        "ext::sh -c id",
        "--upload-pack=id",
        "file:///srv/a",
        "/srv/a",
        "https://u:p@git.example/a",
        "git@host:a",
        "",
    ],
)
def test_what_is_no_address_is_never_given_to_git(address: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not the address of a repository"):
        check_out(address, "a" * 40, tmp_path, {"PATH": "/nonexistent"})


@pytest.mark.parametrize("commit_id", ["", "HEAD", "--all", "a" * 39, "A" * 40, "a" * 40 + "\n"])
def test_what_is_no_commit(source: Path, commit_id: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a commit id"):
        check_out(source, commit_id, tmp_path, ENVIRON)
