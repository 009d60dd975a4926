"""What git prints about a repository that somebody else wrote."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import strategies as st

from pipeline.cli.git import history, revision
from pipeline.cli.git.command import GitRepository, Output, _settings
from pipeline.engine.head import commit_time
from tests.fuzz.documents import joined, split
from tests.fuzz.hostile import changed_bytes
from tests.fuzz.target import Target

_BLOB = "1" * 40
_RAW = (
    f":100644 100644 {_BLOB} {'0' * 40} M\0lockage.yml\0:100755 000000 {'2' * 40} {'0' * 40} D\0images/app/rootfs/x\0"
    f":120000 120000 {'3' * 40} {'0' * 40} M\0images/l\0:000000 100644 {'0' * 40} {'0' * 40} A\0images/n\0"
).encode()
_PARTS = {
    "rev-parse": [b"4" * 40 + b"\n", b"true\n"],
    "diff": [_RAW],
    "ls-files": [b"images/new\0images/other/\0"],
    "cat-file": [
        f"{_BLOB} blob 3\nabc\n{'2' * 40} blob 1\nx\n{'3' * 40} blob 2\n/x\n".encode(),
        f"{_BLOB} missing\n".encode(),
    ],
    "rev-list": [b"1700000000 " + b"4" * 40 + b"\n", b"-1 " + b"4" * 40],
    "status": [
        b"## main...origin/main [ahead 1]\n M x\n",
        b"## HEAD (no branch)\n",
        b"## No commits yet on main\n",
    ],
    "config": [
        b"global\0safe.directory\n/x\0local\0filter.lfs.clean\ngit-lfs\0system\0core.excludesfile\n/y\0"
    ],
    "code": [b"0", b"1"],
}


class _Stream(io.BytesIO):
    """An end of a pipe."""


class _Process:
    """A process that has printed already."""

    def __init__(self, output: bytes) -> None:
        self.stdout, self.stdin = _Stream(output), _Stream()

    def wait(self) -> int:
        return 0


@dataclass(frozen=True)
class _Printed:
    """A repository whose git prints what the input says, by subcommand."""

    parts: dict[str, bytes]

    def run(self, *arguments: str) -> Output:
        output = self.parts.get(arguments[0], b"")
        return Output(int(self.parts.get("code") == b"1" and arguments[0] == "diff"), output, "")

    def output(self, *arguments: str) -> bytes:
        return self.run(*arguments).stdout

    @contextmanager
    def start(self, *arguments: str) -> Iterator[Any]:
        yield _Process(self.parts.get(arguments[0], b""))


def read_git(content: bytes, folder: Path) -> None:
    """The earlier catalogue and the revision, from what git prints."""
    printed = _Printed(dict(split(content)))
    with (
        patch.object(GitRepository, "of", lambda *_: printed),
        patch.object(revision, "_repository", lambda *_: printed),
    ):
        entries = history.entries_at(folder, "main")
        assert all(entry is None or entry.kind in ("file", "link") for entry in entries.values())
        revision.read_revision(folder, {})


def read_settings(content: bytes, folder: Path) -> None:
    """Git's configuration, from which settings are made."""
    fields = content.split(b"\0")
    entries = [
        (s.decode(errors="replace"), *_entry(e)) for s, e in zip(fields[::2], fields[1::2], strict=False)
    ]
    for setting in _settings(entries):
        assert "=" in setting


def _entry(entry: bytes) -> tuple[str, str]:
    key, _, value = entry.decode(errors="surrogateescape").partition("\n")
    return key, value


def read_objects(content: bytes, folder: Path) -> None:
    """A folder of git objects: one that is loose, and a pack."""
    loose, _, pack = content.partition(b"\x1e")
    (folder / "44").mkdir()
    (folder / "44" / ("4" * 38)).write_bytes(loose)
    (folder / "pack").mkdir()
    (folder / "pack" / "pack-1.pack").write_bytes(pack)
    commit_time(folder, "4" * 40)


def _outputs() -> st.SearchStrategy[bytes]:
    return st.fixed_dictionaries(
        {name: st.sampled_from(examples) | changed_bytes(examples) for name, examples in _PARTS.items()}
    ).map(lambda parts: joined(list(parts.items())))


_LOOSE = zlib.compress(b"commit 60\0tree 1\ncommitter a <b> 1700000000 +0000\n\nx\n")
TARGETS = (
    Target("git", _outputs(), read_git, examples=120),
    Target("git-settings", changed_bytes(_PARTS["config"]), read_settings, examples=60),
    Target(
        "git-objects",
        changed_bytes([_LOOSE + b"\x1ePACK\0\0\0\2\0\0\0\1\x9f\x0e" + _LOOSE]),
        read_objects,
        examples=60,
    ),
)
