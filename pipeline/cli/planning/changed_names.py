"""Lists of changed files, as git and other programs write them: one name a line, quoted or not, or between NULs."""

from __future__ import annotations

import os
import posixpath
import re
import sys
from pathlib import Path

from pipeline.errors import UsageError

_MAX_BYTES = 64 * 1024 * 1024
_ESCAPE = re.compile(r"\\([0-7]{3}|.)")
_LETTERS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def read_names(root: Path, source: str) -> tuple[str, ...]:
    """The names in a file, or on stdin for `-`. Raises UsageError."""
    return parse_names(read_list(root, source, "--changed-files-from"))


def parse_names(content: bytes) -> tuple[str, ...]:
    """Names one a line as git writes them, or between NULs; each once. Raises UsageError for an absolute name."""
    if b"\0" in content:
        names = [os.fsdecode(name) for name in content.split(b"\0")]
    else:
        names = [_unquote(os.fsdecode(line.rstrip(b"\r"))) for line in content.split(b"\n")]
    normal = []
    for name in filter(None, names):
        if name.startswith("/"):
            raise UsageError(
                f"{name[:200]!r} is absolute",
                hint="name files from the folder of lockage.yml: git diff --relative",
            )
        normal.append(posixpath.normpath(name))
    return tuple(dict.fromkeys(normal))


def read_list(root: Path, source: str, option: str) -> bytes:
    """The list in a file, or on stdin for `-`. Raises UsageError, which names the option."""
    try:
        if source == "-":
            content = sys.stdin.buffer.read(_MAX_BYTES + 1)
        else:
            with (root / source).open("rb") as file:
                content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{option}: {source}: {error.strerror}") from None
    if len(content) > _MAX_BYTES:
        raise UsageError(f"{option}: {source} holds more than {_MAX_BYTES // 1024**2} MiB of names")
    return content


def _unquote(line: str) -> str:
    """A name as git writes it when it holds anything unusual: in quotes, bytes in octal."""
    if len(line) < 2 or line[0] != '"' or line[-1] != '"':
        return line

    def unescape(match: re.Match[str]) -> str:
        escaped = match[1]
        return chr(int(escaped, 8) & 0xFF) if len(escaped) == 3 else _LETTERS.get(escaped, escaped)

    latin = "".join(part if part.isascii() else os.fsencode(part).decode("latin-1") for part in line[1:-1])
    return os.fsdecode(_ESCAPE.sub(unescape, latin).encode("latin-1"))
