"""A kind of input from outside, and what holds for every input of it."""

from __future__ import annotations

import io
import json
import os
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr
from dataclasses import dataclass
from pathlib import Path

from hypothesis.strategies import SearchStrategy

from pipeline.cli.output.console import print_error
from pipeline.errors import LockageError
from tests.fuzz.guard import Watch, empty, watching
from tests.tools.ci.ci_logs import commands, hidden

Read = Callable[[bytes, Path], object]
PACKAGE = f"{os.sep}pipeline{os.sep}"


@dataclass(frozen=True)
class Target:
    """A kind of input: how inputs are made, and the code that reads one.

    `read` gets an input and an empty folder, the only one that it may write to. It raises an AssertionError where the
    code returned something wrong. `errors` are the exceptions beside LockageError that its functions document; no
    subclass of them is one. A target that connects names the loopback ports in `ports`.
    """

    name: str
    inputs: SearchStrategy[bytes]
    read: Read
    errors: tuple[type[Exception], ...] = ()
    ports: Callable[[], frozenset[int]] = frozenset
    examples: int = 150
    """How many inputs the suite tries."""


class Found(AssertionError):
    """An input for which an invariant does not hold. `where` tells faults apart."""

    def __init__(self, where: str, text: str) -> None:
        super().__init__(f"{where}\n{text}")
        self.where = where


def check(target: Target, content: bytes, folder: Path) -> bool:
    """Read an input; whether it gives a value. Raises Found unless it gives that or a documented error, and nothing
    else happens."""
    ports = target.ports()
    good = False
    watch = Watch(str(folder), ports, may_try=bool(ports))
    try:
        with watching(watch):
            target.read(content, folder)
        good = True
    except LockageError as error:
        _check_error(error)
    except Exception as error:
        if type(error) not in target.errors:
            raise Found(_where(error), "".join(traceback.format_exception(error))[-6000:]) from None
    finally:
        empty(folder)
    if watch.seen:
        raise Found(watch.seen[0][:80], "\n".join(watch.seen[:20]))
    return good


def _check_error(error: LockageError) -> None:
    """An error can be printed as text and as JSON, and nothing in it acts on a terminal."""
    try:
        printed = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")
        with redirect_stderr(printed):
            print_error(error, as_json=False)
            printed.flush()
        text = printed.buffer.getvalue().decode()
        json.dumps(error.to_json())
    except Exception as fault:
        raise Found(_where(fault), "".join(traceback.format_exception(fault))[-6000:]) from None
    if hidden(text, but="\n\t") or commands(text):
        raise Found(f"what is not escaped, from {_where(error)}", repr(text)[:2000])


def _where(error: BaseException) -> str:
    """The kind of an exception, and the last line of the program in its traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if PACKAGE in frame.filename and "/tests/" not in frame.filename]
    at = own[-1] if own else frames[-1]
    return f"{type(error).__name__} in {Path(at.filename).name}:{at.name}"
