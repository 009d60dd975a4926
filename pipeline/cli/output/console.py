"""The two streams: data on stdout, as text or JSON; messages and errors on stderr.

Everything that is printed passes here or `progress.py`, and `pipeline.util.printable` on the way: names, values and
output of others neither control a terminal nor are commands to a CI.
"""

from __future__ import annotations

import sys
from typing import TextIO

from pipeline.errors import ConfigError, LockageError
from pipeline.util.dataclass import dataclass
from pipeline.util.json.canonical import pretty
from pipeline.util.printable import safe_json, safe_line, safe_text
from pipeline.util.sizes import decimal_size

BOLD, RED, CYAN = "1", "31;1", "36"
"""Styles, as the parameters of ANSI's SGR sequence."""


@dataclass(frozen=True, slots=True)
class Styled:
    """A part of a line that has a style on terminals."""

    text: str
    style: str


def print_json(value: object) -> None:
    """JSON on stdout: two spaces, a newline at the end."""
    print_json_text(pretty(value))


def print_json_text(text: str) -> None:
    """JSON that is text already, on stdout."""
    sys.stdout.write(safe_json(text))


def print_text(text: str) -> None:
    """Data as text, on stdout: whole lines."""
    sys.stdout.write(safe_text(text))


def print_line(*parts: str | Styled) -> None:
    """A line of data on stdout; line breaks in it are escaped."""
    sys.stdout.write(_line(parts, sys.stdout))


def message(*parts: str | Styled) -> None:
    """A line on stderr; line breaks in it are escaped."""
    sys.stderr.write(_line(parts, sys.stderr))


def print_workflow_command(command: str) -> None:
    """A command to GitHub's runner, on a line of stderr; its values are escaped already (`annotations`)."""
    sys.stderr.write(command + "\n")


def print_error(error: LockageError, *, as_json: bool) -> None:
    """An error: what and where, the evidence, the next command. With `as_json` also as data on stdout."""
    if as_json:
        print_json({"error": error.to_json(), "exit_code": int(error.exit_code)})
    message(Styled("error: ", RED), error.message)
    if isinstance(error, ConfigError):
        for problem in error.problems:
            message(f"  {problem}")
    else:
        for line in (error.detail or "").splitlines():
            sys.stderr.write(safe_text(f"  {line}\n"))
    if error.hint:
        message(Styled("next: ", CYAN), error.hint)


def print_traceback(error: BaseException) -> None:
    """A traceback on stderr."""
    import traceback

    sys.stderr.write(safe_text("".join(traceback.format_exception(error))))


def human_size(number: int | None) -> str:
    """Bytes in decimal units; `-` where they are unknown."""
    return "-" if number is None else decimal_size(number)


def _line(parts: tuple[str | Styled, ...], stream: TextIO) -> str:
    if stream.isatty():
        return "".join(map(_on_terminal, parts)) + "\n"
    return safe_line("".join(part.text if isinstance(part, Styled) else part for part in parts)) + "\n"


def _on_terminal(part: str | Styled) -> str:
    if isinstance(part, Styled):
        return f"\x1b[{part.style}m{safe_line(part.text)}\x1b[0m"
    return safe_line(part)
