"""The two streams: data on stdout, as text or JSON; messages and errors on stderr."""

from __future__ import annotations

import json
import sys
from typing import TextIO

from pipeline.errors import LockageError

BOLD, RED, CYAN = "1", "31;1", "36"
"""Styles, as the parameters of ANSI's SGR sequence."""


def print_json(value: object) -> None:
    """JSON on stdout: two spaces, a newline at the end."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def print_text(text: str) -> None:
    """Data as text, on stdout as it is."""
    sys.stdout.write(text)


def message(text: str = "") -> None:
    """A line on stderr."""
    sys.stderr.write(text + "\n")


def print_error(error: LockageError, *, as_json: bool) -> None:
    """An error: what and where, the evidence, the next command. With `as_json` also as data on stdout."""
    if as_json:
        print_json({"error": error.to_json(), "exit_code": int(error.exit_code)})
    message(styled("error: ", RED, sys.stderr) + error.message)
    for line in (error.detail or "").splitlines():
        message(f"  {line}")
    if error.hint:
        message(styled("next: ", CYAN, sys.stderr) + error.hint)


def styled(text: str, style: str, stream: TextIO) -> str:
    """Text in a style, on terminals only."""
    return f"\x1b[{style}m{text}\x1b[0m" if stream.isatty() else text


def human_size(number: int | None) -> str:
    """Bytes in decimal units, as registries bill them; `-` where they are unknown."""
    if number is None:
        return "-"
    return f"{number / 1e6:.1f} MB" if number >= 1e6 else f"{number / 1e3:.1f} kB"
