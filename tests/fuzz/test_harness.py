"""The harness notices what it is there for."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import strategies as st

from pipeline.errors import ConfigError, LockageError, Problem
from tests.fuzz.kept import entries, keep
from tests.fuzz.search import Search
from tests.fuzz.target import Found, Target, check

_ELSEWHERE = Path(__file__).parent / "written-by-a-test"


def _target(read: Callable[[bytes, Path], object], **more: object) -> Target:
    return Target("made-up", st.binary(max_size=4), read, **more)  # type: ignore[arg-type]


def _connect(host: str, port: int) -> None:
    with socket.socket() as client:
        client.settimeout(1)
        client.connect((host, port))


BAD: dict[str, Callable[[bytes, Path], object]] = {
    "another exception": lambda content, folder: 1 // 0,
    "a subclass of a documented one": lambda content, folder: "\ud800".encode(),
    "a wrong value": lambda content, folder: _raise(AssertionError("wrong")),
    "a file elsewhere": lambda content, folder: _ELSEWHERE.write_bytes(b""),
    "a file elsewhere, by its folder": lambda content, folder: os.mkdir(
        "x", dir_fd=os.open("/", os.O_RDONLY)
    ),
    "a file elsewhere, through a link": lambda content, folder: _through_a_link(folder),
    "a file taken away": lambda content, folder: Path("/nonexistent/a").unlink(missing_ok=True),
    "a renamed file": lambda content, folder: Path("/nonexistent/a").rename(folder / "b"),
    "a process": lambda content, folder: subprocess.run([sys.executable, "-c", ""], check=True),
    "a shell": lambda content, folder: os.system("true"),
    "a connection": lambda content, folder: _connect("127.0.0.1", 9),
    "a name that is looked up": lambda content, folder: socket.getaddrinfo("localhost", 80),
    "an error that acts on a terminal": lambda content, folder: _raise(_Unescaped("\x1b[2J")),
}


class _Unescaped(LockageError):
    """An error whose text is not a text."""

    def to_json(self) -> dict[str, object]:
        return {"message": object()}


def _raise(error: Exception) -> None:
    raise error


def _through_a_link(folder: Path) -> None:
    (folder / "link").symlink_to(_ELSEWHERE.parent)
    (folder / "link" / "x").write_bytes(b"")


def _write_below(folder: Path) -> None:
    (folder / "a").mkdir()
    (folder / "a" / "b").write_bytes(b"")


@pytest.mark.parametrize("what", sorted(BAD))
def test_what_must_not_happen_is_found(what: str, tmp_path: Path) -> None:
    with pytest.raises(Found):
        check(_target(BAD[what], errors=(ValueError,)), b"", tmp_path.resolve())
    assert not _ELSEWHERE.exists() and list(tmp_path.iterdir()) == []


def test_it_is_found_though_the_code_swallows_the_refusal(tmp_path: Path) -> None:
    def read(content: bytes, folder: Path) -> None:
        try:
            _ELSEWHERE.write_bytes(b"")
        except OSError:
            return

    with pytest.raises(Found, match="written-by-a-test"):
        check(_target(read), b"", tmp_path.resolve())


GOOD: dict[str, Callable[[bytes, Path], object]] = {
    "a value": lambda content, folder: 1,
    "an error": lambda content, folder: _raise(ConfigError([Problem("a\n::b", 1, 1, "\x1b", "\ud800")])),
    "a documented exception": lambda content, folder: _raise(ValueError("no")),
    "files in its folder": lambda content, folder: _write_below(folder),
    "reading": lambda content, folder: Path(__file__).read_bytes(),
}


@pytest.mark.parametrize("what", sorted(GOOD))
def test_what_may_happen(what: str, tmp_path: Path) -> None:
    check(_target(GOOD[what], errors=(ValueError,)), b"", tmp_path.resolve())
    assert list(tmp_path.iterdir()) == []


def test_each_fault_is_found_once_and_small(tmp_path: Path) -> None:
    def read(content: bytes, folder: Path) -> None:
        if b"\0" in content:
            raise KeyError(content)
        if len(content) > 2:
            raise IndexError(content)

    search = Search(_target(read), tmp_path.resolve())
    for number in range(4):
        search.run(100, number)
    assert sorted(content for content, _ in search.found.values()) == [b"\0", b"\1\1\1"]


def test_what_is_found_is_kept_by_its_content(tmp_path: Path) -> None:
    kept = {keep("a", content, tmp_path) for content in (b"x", b"x", b"y")}
    assert sorted(path.read_bytes() for path in kept) == [b"x", b"y"] and len(entries("a", tmp_path)) == 2
