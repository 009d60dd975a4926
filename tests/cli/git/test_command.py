"""Git reads a checkout without running what the checkout configures, and without the caller's secrets."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.cli.git import command
from pipeline.cli.git.command import GitRepository
from pipeline.cli.git.errors import GitMissing, RepositoryRefused
from pipeline.cli.git.history import entries_at
from pipeline.cli.git.revision import read_revision
from pipeline.errors import EnvironmentProblem, UsageError
from tests.tools.git import commit, git

_FIXED_TIME = "1700000000 +0000"


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """A file that the trap creates."""
    return tmp_path / "marker"


@pytest.fixture
def trap(tmp_path: Path, marker: Path) -> Path:
    """A program that no command of ours may run."""
    program = tmp_path / "trap"
    program.write_text(f"#!/bin/sh\ntouch {marker}\nexit 1\n")
    program.chmod(0o755)
    return program


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with a small catalogue, one file of it changed since."""
    root = tmp_path / "checkout"
    (root / "images/app").mkdir(parents=True)
    (root / "lockage.yml").write_text("version: 1\n")
    (root / "images/app/image.yml").write_text("tags: [1.0.0]\n")
    commit(root)
    (root / "images/app/image.yml").write_text("tags: [1.0.1]\n")
    return root


def _bare(root: Path, trap: Path) -> Path:
    """A folder in the checkout with the layout of a bare repository, configured as one with a work tree."""
    folder = root / "sub"
    (folder / "images").mkdir(parents=True)
    (folder / "lockage.yml").write_text("version: 1\n")
    commit(folder)
    for entry in (folder / ".git").iterdir():
        shutil.move(entry, folder / entry.name)
    (folder / ".git").rmdir()
    config = folder / "config"
    config.write_text(f"[core]\nrepositoryformatversion = 0\nworktree = {folder}\nfsmonitor = {trap}\n")
    return folder


def _fsmonitor(root: Path, trap: Path) -> None:
    git(root, "config", "core.fsmonitor", str(trap))


def _filter(root: Path, trap: Path, kind: str = "clean") -> None:
    git(root, "config", f"filter.Odd name.x.{kind}", str(trap))
    git(root, "config", "filter.odd.required", "true")
    git(root, "config", f"filter.odd.{kind}", str(trap))
    (root / ".gitattributes").write_text("*.yml filter=odd\n")


def _process_filter(root: Path, trap: Path) -> None:
    _filter(root, trap, "process")


def _included_filter(root: Path, trap: Path) -> None:
    (root / ".git/more").write_text(f'[filter "odd"]\nclean = {trap}\n')
    git(root, "config", "include.path", "more")
    (root / ".gitattributes").write_text("*.yml filter=odd\n")


def _signature(root: Path, trap: Path) -> None:
    tree = git(root, "rev-parse", "HEAD^{tree}")
    text = (
        f"tree {tree}\nauthor a <a@example> {_FIXED_TIME}\ncommitter a <a@example> {_FIXED_TIME}\n"
        "gpgsig -----BEGIN PGP SIGNATURE-----\n \n aaaa\n -----END PGP SIGNATURE-----\n\nsigned\n"
    )
    argv = ["git", "-C", str(root), "hash-object", "-t", "commit", "-w", "--stdin"]
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=True)
    git(root, "reset", "--quiet", "--soft", done.stdout.strip())
    git(root, "config", "log.showSignature", "true")
    git(root, "config", "gpg.program", str(trap))


def _diff_driver(root: Path, trap: Path) -> None:
    git(root, "config", "diff.external", str(trap))
    git(root, "config", "diff.odd.textconv", str(trap))
    (root / ".gitattributes").write_text("*.yml diff=odd\n")


def _submodule(root: Path, trap: Path) -> None:
    module = root / "images/module"
    module.mkdir()
    (module / "a").write_text("1")
    (module / ".gitattributes").write_text("a filter=odd\n")
    commit(module)
    git(root, "add", "images/module")
    git(root, "commit", "--quiet", "--message", "module")
    git(module, "config", "core.fsmonitor", str(trap))
    git(module, "config", "filter.odd.clean", str(trap))
    (module / "a").write_text("2")


def _partial_clone(root: Path, trap: Path) -> None:
    blob = git(root, "rev-parse", "HEAD:images/app/image.yml")
    git(root, "config", "remote.origin.url", str(root))
    git(root, "config", "remote.origin.uploadpack", str(trap))
    git(root, "config", "remote.origin.promisor", "true")
    git(root, "config", "core.repositoryformatversion", "1")
    git(root, "config", "extensions.partialClone", "origin")
    (root / ".git/objects" / blob[:2] / blob[2:]).unlink()


_PLAIN = {
    _fsmonitor: ("status",),
    _filter: ("status",),
    _process_filter: ("status",),
    _included_filter: ("status",),
    _signature: ("log", "-1"),
    _diff_driver: ("diff",),
    _submodule: ("status",),
    _partial_clone: ("cat-file", "-p", "HEAD:images/app/image.yml"),
}


@pytest.mark.parametrize("attack", _PLAIN, ids=lambda attack: attack.__name__)
def test_nothing_that_a_checkout_configures_is_run(
    attack: Callable[[Path, Path], None], checkout: Path, trap: Path, marker: Path
) -> None:
    attack(checkout, trap)
    marker.unlink(missing_ok=True)
    revision = read_revision(checkout, dict(os.environ))
    assert (len(revision.sha), revision.dirty) == (40, True)
    if attack is _partial_clone:
        with pytest.raises(EnvironmentProblem, match=r"git diff failed|does not have the earlier content"):
            entries_at(checkout, "HEAD")
    else:
        assert "images/app/image.yml" in entries_at(checkout, "HEAD")
    assert not marker.exists()
    subprocess.run(["git", "-C", str(checkout), *_PLAIN[attack]], capture_output=True, check=False)
    assert marker.exists()  # the trap works: plain git runs it


def test_a_folder_like_a_bare_repository_is_none(checkout: Path, trap: Path, marker: Path) -> None:
    folder = _bare(checkout, trap)
    with pytest.raises(UsageError, match="layout of a bare repository"):
        read_revision(folder, dict(os.environ))
    with pytest.raises(UsageError, match="layout of a bare repository"):
        entries_at(folder, "HEAD")
    with pytest.raises(UsageError, match="layout of a bare repository"):
        entries_at(folder / "images", "HEAD")
    assert len(read_revision(checkout, dict(os.environ)).sha) == 40  # it may lie below the catalogue
    assert not marker.exists()
    subprocess.run(["git", "-C", str(folder), "status"], capture_output=True, check=False)
    assert marker.exists()


def test_git_itself_refuses_a_bare_repository_and_its_monitor(
    checkout: Path, trap: Path, marker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _bare(checkout, trap)
    monkeypatch.setattr(command, "_is_bare", lambda _: False)
    with pytest.raises(RepositoryRefused):
        GitRepository.of(folder, os.environ)
    monkeypatch.setattr(command, "_SETTINGS", tuple(s for s in command._SETTINGS if "bare" not in s))
    with pytest.raises(RepositoryRefused, match="claims another work tree"):  # as git before 2.38
        GitRepository.of(folder, os.environ)
    assert not marker.exists()


def test_a_repository_that_claims_another_work_tree_is_refused(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    git(checkout, "config", "core.worktree", str(tmp_path / "elsewhere"))
    for read in (lambda: read_revision(checkout, dict(os.environ)), lambda: entries_at(checkout, "HEAD")):
        with pytest.raises(UsageError, match="claims another work tree"):
            read()


def test_a_work_tree_of_git_worktree_is_one(checkout: Path, tmp_path: Path) -> None:
    git(checkout, "worktree", "add", "--quiet", "-b", "other", str(tmp_path / "other"))
    revision = read_revision(tmp_path / "other", dict(os.environ))
    assert (revision.branch, revision.dirty, len(revision.sha)) == ("other", False, 40)
    assert entries_at(tmp_path / "other", "HEAD") == {}


def test_git_gets_no_secret_and_no_variable_of_another_git(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools, log = tmp_path / "tools", tmp_path / "environ"
    tools.mkdir()
    real = shutil.which("git")
    (tools / "git").write_text(f'#!/bin/sh\nenv >>{log}\nexec {real} "$@"\n')
    (tools / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    for name in ("COSIGN_PASSWORD", "GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "DOCKER_AUTH_CONFIG"):
        monkeypatch.setenv(name, "canary")
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_EXTERNAL_DIFF", "GIT_SSH_COMMAND"):
        monkeypatch.setenv(name, "/canary")
    revision = read_revision(checkout, os.environ)
    assert (len(revision.sha), revision.dirty) == (40, True)
    assert set(entries_at(checkout, "HEAD")) == {"images/app/image.yml"}
    assert "GIT_TERMINAL_PROMPT=0" in log.read_text()
    assert "canary" not in log.read_text()


def test_git_is_never_a_program_of_the_checkout(
    checkout: Path, trap: Path, marker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(trap, checkout / "git")
    monkeypatch.chdir(checkout)
    for path in (".", "", f"{checkout}:."):
        with pytest.raises(GitMissing):
            GitRepository.of(checkout, {"PATH": path})
    assert read_revision(checkout, {"PATH": f".:{checkout}:/usr/local/bin:/usr/bin:/bin"}).sha
    assert not marker.exists()


def test_what_the_user_ignores_stays_ignored(tmp_path: Path, checkout: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "ignored").write_text("*.swp\n")
    (home / ".gitconfig").write_text("[core]\nexcludesFile = ~/ignored\n")
    git(checkout, "checkout", "--quiet", "--", ".")
    (checkout / "images/a.swp").write_text("x")
    environ = {"PATH": os.environ["PATH"], "HOME": str(home)}
    assert not read_revision(checkout, environ).dirty
    git(checkout, "config", "core.excludesFile", os.devnull)
    assert read_revision(checkout, environ).dirty


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_repository_of_somebody_else_needs_safe_directory(tmp_path: Path, checkout: Path) -> None:
    for path in (checkout, checkout / ".git"):
        os.chown(path, 65534, 65534)
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    with pytest.raises(RepositoryRefused, match="fatal: detected dubious ownership") as refused:
        read_revision(checkout, environ)
    assert refused.value.hint
    assert f"git config --global --add safe.directory {checkout}" in refused.value.hint
    by_variable = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": str(checkout),
    }
    assert read_revision(checkout, environ | by_variable).sha
    git(checkout, "config", "--file", str(checkout / ".git/config"), "safe.directory", "*")
    with pytest.raises(RepositoryRefused):
        read_revision(checkout, environ)
    (tmp_path / ".gitconfig").write_text(f"[safe]\ndirectory = {checkout}\n")
    assert read_revision(checkout, environ).sha


def test_output_and_time_are_bounded(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = GitRepository.of(checkout, os.environ)
    monkeypatch.setattr(command, "_MAX_OUTPUT", 10)
    with pytest.raises(EnvironmentProblem, match="printed more"):
        repository.run("rev-parse", "HEAD")
    monkeypatch.setattr(command, "_LIMIT", 0.2)
    with repository.start("cat-file", "--batch") as process:
        assert process.stdout
        assert process.stdout.read() == b""  # it waits for input until it is killed
    assert process.returncode == -9
