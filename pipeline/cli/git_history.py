"""The catalogue as git knows it at a commit: what stood at each path that differs from it now."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from pipeline.catalogue import SourceFile
from pipeline.catalogue.source import MAX_TEXT, ROOTFS
from pipeline.errors import EnvironmentProblem, UsageError

PATHS = ("lockage.yml", "lockage.lock", "images")
_CHUNK = 1024 * 1024
_MODES = {"100644": 0o644, "100755": 0o755, "120000": 0o777}


def since(root: Path, revision: str) -> dict[str, SourceFile | None]:
    """What stood at a commit at every path of the catalogue that differs from it now; None where nothing did.

    What git ignores counts as unchanged. Raises UsageError for a commit that is not there.
    """
    commit = _commit(root, revision)
    paths = ("--", *PATHS)
    with _started(root, "ls-files", "--others", "--exclude-standard", "-z", *paths) as untracked:
        raw = _git(root, "diff", "--raw", "-z", "--no-renames", "--no-abbrev", "--relative", "--no-ext-diff",
                   "--no-textconv", "--no-color", commit, *paths)  # fmt: skip
        others = untracked.communicate()[0]
        if untracked.returncode != 0:
            raise EnvironmentProblem("git ls-files failed", hint="`git status` says more")
    blobs: dict[str, tuple[str, str]] = {}
    before: dict[str, SourceFile | None] = {}
    fields = raw.split(b"\0")
    for head, name in zip(fields[::2], fields[1::2], strict=False):
        mode, _, blob, *_ = head.decode().removeprefix(":").split(" ")
        path = os.fsdecode(name)
        if mode in _MODES and blob.strip("0"):
            blobs[path] = (mode, blob)
        elif mode == "000000":
            before.setdefault(path, None)
    for name in others.split(b"\0"):
        if name and not name.endswith(b"/"):  # which would be a repository of its own
            before.setdefault(os.fsdecode(name), None)
    return before | dict(_entries(root, blobs))


def _commit(root: Path, revision: str) -> str:
    done = _run(root, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}")
    if done.returncode == 0:
        return done.stdout.decode().strip()
    words = done.stderr.decode(errors="replace")
    if "not a git repository" in words:
        raise UsageError(
            f"{root.absolute()} is in no git repository",
            hint="--changed-files-from takes names from anywhere",
        )
    if "dubious ownership" in words:
        raise UsageError(
            f"git refuses {root.absolute()}", hint="see safe.directory in `git help config`", detail=words
        )
    hint = "`git log --oneline` lists commits; a branch of a remote is origin/NAME"
    if _run(root, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true":
        hint = "this clone is shallow: `git fetch --depth=200 origin NAME` brings more of its history"
    raise UsageError(f"--affected: there is no commit {revision[:200]!r}", hint=hint)


def _git(root: Path, *arguments: str) -> bytes:
    done = _run(root, *arguments)
    if done.returncode != 0:
        raise EnvironmentProblem(
            f"git {arguments[0]} failed",
            hint="`git fsck` says whether the repository is whole",
            detail=done.stderr.decode(errors="replace")[-2000:],
        )
    return done.stdout


def _run(root: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            _command(root, *arguments), capture_output=True, env=_environment(), check=False
        )
    except OSError as fault:
        raise _no_git(fault) from None


def _started(root: Path, *arguments: str) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            _command(root, *arguments),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environment(),
        )  # fmt: skip
    except OSError as fault:
        raise _no_git(fault) from None


def _command(root: Path, *arguments: str) -> list[str]:
    return ["git", "-C", str(root), "--no-optional-locks", *arguments]


def _environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C"}


def _no_git(fault: OSError) -> EnvironmentProblem:
    return EnvironmentProblem(f"cannot run git: {fault.strerror}", hint="--changed-files-from needs no git")


def _entries(root: Path, blobs: dict[str, tuple[str, str]]) -> Iterator[tuple[str, SourceFile]]:
    """The entries that blobs are; all of them through one process."""
    if not blobs:
        return
    with _started(root, "cat-file", "--batch") as process:
        assert process.stdin and process.stdout
        for path, (mode, blob) in blobs.items():
            process.stdin.write(f"{blob}\n".encode())
            process.stdin.flush()
            head = process.stdout.readline().split()
            if len(head) != 3:
                raise EnvironmentProblem(
                    f"git does not have {path} as it was ({blob[:12]})",
                    hint="`git fetch` brings what is missing",
                )
            yield path, _entry(process.stdout, path, mode, int(head[2]))
            process.stdout.read(1)


def _entry(stream: IO[bytes], path: str, mode: str, size: int) -> SourceFile:
    """One entry from its bytes, as reading a folder gives it."""
    bits = _MODES[mode]
    keep = mode == "120000" or ROOTFS not in path.split("/")[:-1]
    content, digest, left = [], hashlib.sha256(), size
    while left:
        chunk = stream.read(min(_CHUNK, left))
        if not chunk:
            raise EnvironmentProblem("git cat-file ended too early")
        left -= len(chunk)
        digest.update(chunk)
        if keep and size <= MAX_TEXT:
            content.append(chunk)
    if mode == "120000":
        return SourceFile("link", bits, target=os.fsdecode(b"".join(content)))
    if not keep:
        return SourceFile("file", bits, None, None, size, digest.hexdigest())
    return SourceFile("file", bits, b"".join(content) if size <= MAX_TEXT else None, None, size)
