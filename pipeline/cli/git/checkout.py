"""A commit checked out into a folder of its own, from wherever its repository is.

The repository's own configuration and hooks are not taken over; the user's apply (credentials, proxies, filters).
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from pipeline.errors import BuildError, EnvironmentProblem, UsageError
from pipeline.util.child_environment import DEFAULT_PATH, child_environment, find_program

from .origin import public_address

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SETTINGS = ("core.hooksPath=/dev/null", "core.fsmonitor=false", "advice.detachedHead=false")
_LIMIT = 600.0  # seconds


def check_out(repository: str | Path, commit: str, folder: Path, environ: Mapping[str, str]) -> None:
    """Fetch one commit of a repository, a folder or an address, and check it out in an empty folder.

    Raises UsageError for an address of another kind, BuildError where the commit cannot be had, EnvironmentProblem.
    """
    if not _COMMIT.fullmatch(commit):
        raise UsageError(f"{commit[:80]!r} is not a commit id")
    if isinstance(repository, Path):
        address, protocols = str(repository.absolute()), "file"
    else:
        address, protocols = repository, "https:http:ssh:git"
        if not address or public_address(address) != address:
            raise UsageError(
                f"{address[:200]!r} is not the address of a repository (https, http, ssh, git)",
                hint="--source FOLDER names a clone instead",
            )
    git = find_program("git", environ.get("PATH", DEFAULT_PATH))
    if git is None:
        raise EnvironmentProblem("cannot run git: there is none on PATH", hint="install git")

    def run(*arguments: str) -> str:
        command = [str(git), *(word for setting in _SETTINGS for word in ("-c", setting)), *arguments]
        extra = {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": protocols}
        environment = child_environment("git fetch", environ, extra)
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_LIMIT,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as fault:
            raise EnvironmentProblem(f"git did not end: {fault}") from None
        if done.returncode:
            raise BuildError(
                f"commit {commit} cannot be had from {address}",
                hint="check that you may read it, or name a clone that has the commit: --source FOLDER",
                detail=done.stderr.decode(errors="replace")[-2000:] or None,
            )
        return os.fsdecode(done.stdout).strip()

    run("init", "--quiet", f"--object-format={'sha256' if len(commit) == 64 else 'sha1'}")
    run("fetch", "--quiet", "--no-tags", "--depth=1", "--", address, commit)
    run("checkout", "--quiet", "--detach", commit)


def catalogue_in(folder: Path, path: str) -> Path:
    """A folder of a checkout. Raises BuildError for one that is not there, or leads out of it."""
    catalogue = (folder / path).resolve()
    if not catalogue.is_relative_to(folder.resolve()) or not (catalogue / "lockage.yml").is_file():
        raise BuildError(
            f"the commit has no catalogue in {path or 'its top folder'}",
            hint="the provenance names the folder of lockage.yml in its repository",
        )
    return catalogue
