"""The catalogue at a commit: the earlier entry of each path that differs from the work tree."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from pipeline.catalogue import SourceFile
from pipeline.catalogue.source import MAX_TEXT, ROOTFS
from pipeline.errors import EnvironmentProblem, UsageError

from .command import run_git, start_git

CATALOGUE_PATHS = ("lockage.yml", "lockage.lock", "images")
_CHUNK = 1024 * 1024
_MODES = {"100644": 0o644, "100755": 0o755, "120000": 0o777}


def entries_at(root: Path, revision: str) -> dict[str, SourceFile | None]:
    """The entry that a commit has at every path of the catalogue that differs from it now; None where it has none.

    What git ignores counts as unchanged. Raises UsageError for a commit that does not exist, EnvironmentProblem.
    """
    commit = _commit(root, revision)
    paths = ("--", *CATALOGUE_PATHS)
    with start_git(root, "ls-files", "--others", "--exclude-standard", "-z", *paths) as listing:
        diff = _output(root, "diff", "--raw", "-z", "--no-renames", "--no-abbrev", "--relative", "--no-ext-diff",
                       "--no-textconv", "--no-color", commit, *paths)  # fmt: skip
        untracked = listing.communicate()[0]
        if listing.returncode != 0:
            raise EnvironmentProblem("git ls-files failed", hint="`git status` shows the reason")
    blobs: dict[str, tuple[str, str]] = {}
    entries: dict[str, SourceFile | None] = {}
    fields = diff.split(b"\0")
    for header, name in zip(fields[::2], fields[1::2], strict=False):
        mode, _, blob, *_ = header.decode().removeprefix(":").split(" ")
        path = os.fsdecode(name)
        if mode in _MODES and blob.strip("0"):
            blobs[path] = (mode, blob)
        elif mode == "000000":
            entries.setdefault(path, None)
    for name in untracked.split(b"\0"):
        if name and not name.endswith(b"/"):  # a folder in this list is a repository of its own
            entries.setdefault(os.fsdecode(name), None)
    return entries | dict(_entries(root, blobs))


def _commit(root: Path, revision: str) -> str:
    """The full id of a commit. Git has one exit code for all failures, so its (English) message decides."""
    process = run_git(root, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}")
    if process.returncode == 0:
        return process.stdout.decode().strip()
    message = process.stderr.decode(errors="replace")
    if "not a git repository" in message:
        raise UsageError(
            f"{root.absolute()} is in no git repository",
            hint="--changed-files-from takes names from anywhere",
        )
    if "dubious ownership" in message:
        raise UsageError(
            f"git refuses {root.absolute()}", hint="see safe.directory in `git help config`", detail=message
        )
    hint = "`git log --oneline` lists commits; a branch of a remote is origin/NAME"
    if run_git(root, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true":
        hint = "this clone is shallow: `git fetch --depth=200 origin NAME` fetches more of its history"
    raise UsageError(f"--affected: there is no commit {revision[:200]!r}", hint=hint)


def _output(root: Path, *arguments: str) -> bytes:
    """What git prints. Raises EnvironmentProblem where it fails."""
    process = run_git(root, *arguments)
    if process.returncode != 0:
        raise EnvironmentProblem(
            f"git {arguments[0]} failed",
            hint="`git fsck` checks whether the repository is intact",
            detail=process.stderr.decode(errors="replace")[-2000:],
        )
    return process.stdout


def _entries(root: Path, blobs: dict[str, tuple[str, str]]) -> Iterator[tuple[str, SourceFile]]:
    """The entries of blobs, given by path as mode and id; all are read through one process."""
    if not blobs:
        return
    with start_git(root, "cat-file", "--batch") as process:
        assert process.stdin and process.stdout
        for path, (mode, blob) in blobs.items():
            process.stdin.write(f"{blob}\n".encode())
            process.stdin.flush()
            header = process.stdout.readline().split()
            if len(header) != 3:
                raise EnvironmentProblem(
                    f"git does not have the earlier content of {path} ({blob[:12]})",
                    hint="`git fetch` fetches what is missing",
                )
            yield path, _entry(process.stdout, path, mode, int(header[2]))
            process.stdout.read(1)


def _entry(stream: IO[bytes], path: str, mode: str, size: int) -> SourceFile:
    """One entry from its bytes, as reading a folder gives it."""
    permissions = _MODES[mode]
    keep = mode == "120000" or ROOTFS not in path.split("/")[:-1]  # of a rootfs only the digest is kept
    chunks, digest, remaining = [], hashlib.sha256(), size
    while remaining:
        chunk = stream.read(min(_CHUNK, remaining))
        if not chunk:
            raise EnvironmentProblem("git cat-file ended too early")
        remaining -= len(chunk)
        digest.update(chunk)
        if keep and size <= MAX_TEXT:
            chunks.append(chunk)
    if mode == "120000":
        return SourceFile("link", permissions, target=os.fsdecode(b"".join(chunks)))
    if not keep:
        return SourceFile("file", permissions, None, None, size, digest.hexdigest())
    return SourceFile("file", permissions, b"".join(chunks) if size <= MAX_TEXT else None, None, size)
