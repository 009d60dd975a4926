"""The catalogue at a commit: the earlier entry of each path that differs from the work tree."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from pipeline.catalogue import SourceFile
from pipeline.catalogue.limits import MAX_TEXT
from pipeline.catalogue.source import ROOTFS
from pipeline.errors import EnvironmentProblem, UsageError

from .command import GitRepository, read_output

CATALOGUE_PATHS = ("lockage.yml", "lockage.lock", "images")
_CHUNK = 1024 * 1024
_COMMIT = re.compile(rb"\s*([0-9a-f]{40,64})\s*")
_DIFFERENCE = re.compile(
    rb":([0-7]{6}) [0-7]{6} ([0-9a-f]{40,64}) [0-9a-f]{40,64} [A-Z]\d*"
)  # git-diff(1), --raw
_CONTENT = re.compile(rb"[0-9a-f]{40,64} [a-z]+ (\d{1,18})\n")  # git-cat-file(1), --batch
_MODES = {"100644": 0o644, "100755": 0o755, "120000": 0o777}


def entries_at(root: Path, revision: str) -> dict[str, SourceFile | None]:
    """The entry that a commit has at every path of the catalogue that differs from it now; None where it has none.

    What git ignores counts as unchanged. Raises UsageError for a commit that does not exist, EnvironmentProblem.
    """
    repository = GitRepository.of(root, os.environ)
    commit = _commit(repository, revision)
    paths = ("--", *CATALOGUE_PATHS)
    with repository.start("ls-files", "--others", "--exclude-standard", "-z", *paths) as listing:
        diff = repository.output("diff", "--raw", "-z", "--no-renames", "--no-abbrev", "--relative",
                       "--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty", "--no-color", commit,
                       *paths)  # fmt: skip
        untracked = read_output(listing.stdout)
        if listing.wait() != 0:
            raise EnvironmentProblem("git ls-files failed", hint="`git status` shows the reason")
    blobs: dict[str, tuple[str, str]] = {}
    entries: dict[str, SourceFile | None] = {}
    fields = diff.split(b"\0")
    for header, name in zip(fields[::2], fields[1::2], strict=False):
        difference = _DIFFERENCE.fullmatch(header)
        if difference is None:
            raise _not_understood("diff", header)
        mode, blob = difference[1].decode(), difference[2].decode()
        path = os.fsdecode(name)
        if mode in _MODES and blob.strip("0"):
            blobs[path] = (mode, blob)
        elif mode == "000000":
            entries.setdefault(path, None)
    for name in untracked.split(b"\0"):
        if name and not name.endswith(b"/"):  # a folder in this list is a repository of its own
            entries.setdefault(os.fsdecode(name), None)
    return entries | dict(_entries(repository, blobs))


def _commit(repository: GitRepository, revision: str) -> str:
    """The full id of a commit."""
    parsed = repository.run("rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}")
    if parsed.code == 0:
        commit = _COMMIT.fullmatch(parsed.stdout)
        if commit is None:
            raise _not_understood("rev-parse", parsed.stdout)
        return commit[1].decode()
    hint = "`git log --oneline` lists commits; a branch of a remote is origin/NAME"
    if repository.run("rev-parse", "--is-shallow-repository").stdout.strip() == b"true":
        hint = "this clone is shallow: `git fetch --depth=200 origin NAME` fetches more of its history"
    raise UsageError(f"--affected: there is no commit {revision[:200]!r}", hint=hint)


def _not_understood(command: str, printed: bytes) -> EnvironmentProblem:
    return EnvironmentProblem(
        f"git {command} printed {printed[:100].decode(errors='replace')!r}, which is not understood",
        hint="--changed-files-from needs no git",
    )


def _entries(
    repository: GitRepository, blobs: dict[str, tuple[str, str]]
) -> Iterator[tuple[str, SourceFile]]:
    """The entries of blobs, given by path as mode and id; all are read through one process."""
    if not blobs:
        return
    with repository.start("cat-file", "--batch") as process:
        assert process.stdin and process.stdout
        for path, (mode, blob) in blobs.items():
            process.stdin.write(f"{blob}\n".encode())
            process.stdin.flush()
            content = _CONTENT.fullmatch(process.stdout.readline())
            if content is None:
                raise EnvironmentProblem(
                    f"git does not have the earlier content of {path} ({blob[:12]})",
                    hint="`git fetch --refetch --no-filter` fetches what is missing",
                )
            yield path, _entry(process.stdout, path, mode, int(content[1]))
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
