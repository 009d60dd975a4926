"""The engine's errors as ours: which command failed, with its last lines. (`str(ExecError)` leaves stderr out.)"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from pipeline.errors import BuildError, EnvironmentProblem, LockageError

_Result = TypeVar("_Result")

_LAST_LINES = 20
_CANCELLED = "context canceled"
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_CONNECTION_LOST = (
    "connection refused",
    "connection reset",
    "error reading from server",
    "session not found",
    "EOF",
)
_DISK_FULL = (
    "no space left on device",
    "database or disk is full",
    'could not parse exit code ""',  # the engine could not write it
)
DISK_FULL = "the engine's disk is full: free some space, then run again"


class StepCancelled(EnvironmentProblem):
    """The engine cancelled a step: another session that ended just then, by Ctrl-C for instance, had the same one."""


async def uncancelled(step: Callable[[], Awaitable[_Result]]) -> _Result:
    """The result of a step, which is run once more if the engine cancelled it for another session."""
    try:
        return await step()
    except StepCancelled:
        return await step()


def tail(text: str, count: int = _LAST_LINES) -> str:
    """The last lines of some output, without colours and trailing space."""
    return "\n".join(_ANSI.sub("", text).rstrip().splitlines()[-count:])


@contextmanager
def explained(operation: str, *, hint: str | None = None) -> Iterator[None]:
    """Raise whatever Dagger raises inside as one LockageError; `operation` was being done."""
    import dagger
    import httpx
    from gql.transport.exceptions import TransportError
    from tenacity import RetryError

    try:
        with _single():
            yield
    except dagger.ExecError as fault:
        if full(f"{fault}\n{fault.stderr}"):
            raise EnvironmentProblem(
                f"{operation}: failed", hint=DISK_FULL, detail=tail(str(fault))
            ) from None
        command = " ".join(fault.command)
        raise BuildError(
            f"{operation}: `{command[:300]}` exited with {fault.exit_code}",
            hint=hint,
            detail=tail(f"{fault.stdout}\n{fault.stderr}".strip()) or None,
        ) from None
    except dagger.QueryError as fault:
        raise _query_fault(operation, str(fault), hint) from None
    except (dagger.ClientError, httpx.HTTPError, TransportError, RetryError, OSError) as fault:
        raise EnvironmentProblem(
            f"{operation}: the engine went away ({_message(fault)})",
            hint="lockage status; lockage up; then run again: finished work is kept",
        ) from None


@contextmanager
def _single() -> Iterator[None]:
    """Raise the first cause in place of a group: the SDK resolves what a query refers to in a task group."""
    try:
        yield
    except ExceptionGroup as failed:
        cause: Exception = failed
        while isinstance(cause, ExceptionGroup):
            cause = cause.exceptions[0]
        raise cause from None


def _message(fault: Exception) -> str:
    """The first line of an exception, or its name; of one that gave up retrying, those of the last try."""
    last = getattr(fault, "last_attempt", None)
    cause = last.exception() if last is not None else fault
    return next(iter(str(cause).splitlines()), type(cause).__name__)


def lost(message: str) -> bool:
    """Whether a message reports a connection that failed or was closed."""
    return any(text in message for text in _CONNECTION_LOST)


def full(message: str) -> bool:
    """Whether a message reports a full disk."""
    return any(text in message.lower() for text in _DISK_FULL)


def _query_fault(operation: str, message: str, hint: str | None) -> LockageError:
    if lost(message):
        return EnvironmentProblem(
            f"{operation}: the engine or a registry it needs went away",
            hint="lockage status",
            detail=tail(message),
        )
    if full(message):
        return EnvironmentProblem(operation + ": failed", hint=DISK_FULL, detail=tail(message))
    if _CANCELLED in message:
        return StepCancelled(
            f"{operation}: the engine cancelled it with another session",
            hint="run again",
            detail=tail(message),
        )
    return BuildError(operation + ": failed", hint=hint, detail=tail(message))
