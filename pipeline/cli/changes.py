"""What changed: the catalogue as git knows it at a commit, or a list of names; and the part of a plan it touches."""

from __future__ import annotations

import argparse
import hashlib
import os
import posixpath
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pipeline.catalogue import Entry, matching
from pipeline.catalogue.source import MAX_TEXT, ROOTFS
from pipeline.errors import EnvironmentProblem, UsageError

from . import show

if TYPE_CHECKING:
    from pipeline.catalogue import Impact, Plan

_PATHS = ("lockage.yml", "lockage.lock", "images")
_CHUNK = 1024 * 1024
_MAX_NAMES = 64 * 1024 * 1024
_MODES = {"100644": 0o644, "100755": 0o755, "120000": 0o777}
_QUOTED = re.compile(r"\\([0-7]{3}|.)")
_LETTERS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def narrowed(options: argparse.Namespace, plan: Plan, whole: Callable[[], Plan]) -> Plan:
    """The part of a plan that the changes of the options touch, with what it stands on.

    `whole` gives the plan of everything, without a snapshot. What is touched is worked out once, told on
    stderr, and kept in `options.impact`: a lock that is written on the way is no change. Raises UsageError.
    """
    from pipeline.catalogue import restricted

    if options.impact is None:
        options.impact = impact(options, whole())
        _tell(options.impact)
    touched = {a.id for a in options.impact.affected}
    patterns = options.only or options.targets
    wanted = matching(plan, patterns) if patterns else (t.id for t in plan.targets)
    return restricted(plan, touched.intersection(wanted))


def impact(options: argparse.Namespace, plan: Plan) -> Impact:
    """What the changes of the options touch. Raises UsageError, EnvironmentProblem."""
    from pipeline.catalogue import affected_by, affected_since

    if options.affected is not None:
        return affected_since(plan, since(options.root, options.affected))
    names = listed(_read(options.root, options.changed_files_from))
    own = [name for name in names if name.split("/", 1)[0] in _PATHS]
    if names and not own:
        show.say(
            f"none of {len(names)} names is one of the catalogue's: they count from the folder of lockage.yml"
        )
    return affected_by(plan, own)


def since(root: Path, revision: str) -> dict[str, Entry | None]:
    """What stood at a commit at every path of the catalogue that differs from it now; None where nothing did.

    What git ignores counts as unchanged. Raises UsageError for a commit that is not there.
    """
    commit = _commit(root, revision)
    paths = ("--", *_PATHS)
    raw = _git(root, "diff", "--raw", "-z", "--no-renames", "--no-abbrev", "--relative", "--no-ext-diff",
               "--no-textconv", "--no-color", commit, *paths)  # fmt: skip
    blobs: dict[str, tuple[str, str]] = {}
    before: dict[str, Entry | None] = {}
    fields = raw.split(b"\0")
    for head, name in zip(fields[::2], fields[1::2], strict=False):
        mode, _, blob, *_ = head.decode().removeprefix(":").split(" ")
        path = os.fsdecode(name)
        if mode in _MODES and blob.strip("0"):
            blobs[path] = (mode, blob)
        elif mode == "000000":
            before.setdefault(path, None)
    for name in _git(root, "ls-files", "--others", "--exclude-standard", "-z", *paths).split(b"\0"):
        if name:
            before.setdefault(os.fsdecode(name), None)
    return before | dict(_entries(root, blobs))


def listed(content: bytes) -> tuple[str, ...]:
    """Names of files, one a line as git writes them, or between NULs. Raises UsageError for an absolute name."""
    if b"\0" in content:
        names = [os.fsdecode(name) for name in content.split(b"\0")]
    else:
        names = [_unquoted(os.fsdecode(line.rstrip(b"\r"))) for line in content.split(b"\n")]
    out = []
    for name in filter(None, names):
        if name.startswith("/"):
            raise UsageError(
                f"{name[:200]!r} is absolute",
                hint="name files from the folder of lockage.yml: git diff --relative",
            )
        out.append(posixpath.normpath(name))
    return tuple(dict.fromkeys(out))


def _read(root: Path, name: str) -> bytes:
    try:
        if name == "-":
            content = sys.stdin.buffer.read(_MAX_NAMES + 1)
        else:
            with (root / name).open("rb") as file:
                content = file.read(_MAX_NAMES + 1)
    except OSError as fault:
        raise UsageError(f"--changed-files-from: {name}: {fault.strerror}") from None
    if len(content) > _MAX_NAMES:
        raise UsageError(f"--changed-files-from: {name} holds more than {_MAX_NAMES // 1024**2} MiB of names")
    return content


def _unquoted(line: str) -> str:
    """A name as git writes it when it holds anything unusual: in quotes, bytes in octal."""
    if len(line) < 2 or line[0] != '"' or line[-1] != '"':
        return line

    def one(match: re.Match[str]) -> str:
        what = match[1]
        return chr(int(what, 8) & 0xFF) if len(what) == 3 else _LETTERS.get(what, what)

    inner = "".join(part if part.isascii() else os.fsencode(part).decode("latin-1") for part in line[1:-1])
    return os.fsdecode(_QUOTED.sub(one, inner).encode("latin-1"))


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
            f"git {arguments[0]} failed", detail=done.stderr.decode(errors="replace")[-2000:]
        )
    return done.stdout


def _run(root: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            _command(root, *arguments), capture_output=True, env=_environment(), check=False
        )
    except OSError as fault:
        raise _no_git(fault) from None


def _command(root: Path, *arguments: str) -> list[str]:
    return ["git", "-C", str(root), "--no-optional-locks", *arguments]


def _environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C"}


def _no_git(fault: OSError) -> EnvironmentProblem:
    return EnvironmentProblem(f"cannot run git: {fault.strerror}", hint="--changed-files-from needs no git")


def _entries(root: Path, blobs: dict[str, tuple[str, str]]) -> Iterator[tuple[str, Entry]]:
    """The entries that blobs are; all of them through one process."""
    if not blobs:
        return
    try:
        process = subprocess.Popen(
            _command(root, "cat-file", "--batch"),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environment(),
        )  # fmt: skip
    except OSError as fault:
        raise _no_git(fault) from None
    with process:
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


def _entry(stream: IO[bytes], path: str, mode: str, size: int) -> Entry:
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
        return Entry("link", bits, target=os.fsdecode(b"".join(content)))
    if not keep:
        return Entry("file", bits, None, None, size, digest.hexdigest())
    return Entry("file", bits, b"".join(content) if size <= MAX_TEXT else None, None, size)


def _tell(found: Impact) -> None:
    for note in found.notes:
        show.say(f"note: {note}")
    for identity in found.removed:
        show.say(f"no longer there: {identity}")
    if not found.affected:
        show.say("nothing is affected")
