"""The engine's errors -> ours: which instruction, with what last words. (`str(ExecError)` leaves stderr out.)"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.errors import BuildError, EnvironmentProblem, LockageError

_LAST_LINES = 20
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_LOST = ("connection refused", "connection reset", "error reading from server", "session not found", "EOF")


_FULL = (
    "no space left on device",
    "database or disk is full",
    'could not parse exit code ""',  # which the engine could not write down
)
DISK_FULL = "the engine's disk is full: free some space, then run again"


def tail(text: str, count: int = _LAST_LINES) -> str:
    """The last lines of some output, without colours and trailing blanks."""
    return "\n".join(_ANSI.sub("", text).rstrip().splitlines()[-count:])


@contextmanager
def explained(what: str, *, hint: str | None = None) -> Iterator[None]:
    """Turn whatever Dagger raises inside into one LockageError that says what was being done."""
    import dagger
    import httpx
    from gql.transport.exceptions import TransportError
    from tenacity import RetryError

    try:
        with _single():
            yield
    except dagger.ExecError as fault:
        if full(f"{fault}\n{fault.stderr}"):
            raise EnvironmentProblem(f"{what}: failed", hint=DISK_FULL, detail=tail(str(fault))) from None
        command = " ".join(fault.command)
        raise BuildError(
            f"{what}: `{command[:300]}` exited with {fault.exit_code}",
            hint=hint,
            detail=tail(f"{fault.stdout}\n{fault.stderr}".strip()) or None,
        ) from None
    except dagger.QueryError as fault:
        raise _query_fault(what, str(fault), hint) from None
    except (dagger.ClientError, httpx.HTTPError, TransportError, RetryError, OSError) as fault:
        raise EnvironmentProblem(
            f"{what}: the engine went away ({_words(fault)})",
            hint="lockage status; lockage up; then run again: finished work is kept",
        ) from None


@contextmanager
def _single() -> Iterator[None]:
    """The first cause in place of a group: the SDK looks up what a query refers to in a task group."""
    try:
        yield
    except ExceptionGroup as failed:
        cause: Exception = failed
        while isinstance(cause, ExceptionGroup):
            cause = cause.exceptions[0]
        raise cause from None


def _words(fault: Exception) -> str:
    """What an exception says, or what it is called; of one that retried, what it met last."""
    last = getattr(fault, "last_attempt", None)
    cause = last.exception() if last is not None else fault
    return next(iter(str(cause).splitlines()), type(cause).__name__)


def lost(message: str) -> bool:
    """Whether a message is that of a connection that could not be made or was closed."""
    return any(word in message for word in _LOST)


def full(message: str) -> bool:
    """Whether a message is that of a disk without space."""
    return any(words in message.lower() for words in _FULL)


def _query_fault(what: str, message: str, hint: str | None) -> LockageError:
    if lost(message):
        return EnvironmentProblem(
            f"{what}: the engine or a registry it needs went away",
            hint="lockage status",
            detail=tail(message),
        )
    if full(message):
        return EnvironmentProblem(what + ": failed", hint=DISK_FULL, detail=tail(message))
    return BuildError(what + ": failed", hint=hint, detail=tail(message))
