"""Child processes: run to completion with captured output, or followed line by line; always ended on cancellation."""

from __future__ import annotations

import subprocess
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
from anyio.abc import ByteReceiveStream, ByteSendStream, Process

from pipeline.errors import EnvironmentProblem
from pipeline.util.child_environment import ChildEnvironment, command_line, find_program
from pipeline.util.dataclass import dataclass

from .settings import LabSettings

TAIL_LINES = 25


@dataclass(frozen=True, slots=True)
class CompletedCommand:
    """A finished child: its exit code, standard output and standard error as text."""

    code: int
    stdout: str
    stderr: str


def find(program: str, settings: LabSettings) -> Path | None:
    """The program on the settings' PATH, or None."""
    return find_program(program, settings.path)


def tail(text: str, lines: int = TAIL_LINES) -> str:
    """The last lines of a text, for the `detail` of an error."""
    return "\n".join(text.rstrip().splitlines()[-lines:])


@asynccontextmanager
async def _child(
    argv: Sequence[str], environ: ChildEnvironment, cwd: Path | None, stdin: bytes | None = None
) -> AsyncIterator[Process]:
    process = await anyio.open_process(
        command_line(argv, environ),
        env=environ,
        cwd=cwd,
        stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            with anyio.CancelScope(shield=True):
                with anyio.move_on_after(5):
                    await process.wait()
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        with anyio.CancelScope(shield=True):
            await process.aclose()


async def _read_lines(stream: ByteReceiveStream | None, on_line: Callable[[str], None]) -> None:
    rest = b""
    if stream is None:
        return
    async for chunk in stream:
        *complete, rest = (rest + chunk).split(b"\n")
        for line in complete:
            on_line(line.decode(errors="replace"))
    if rest:
        on_line(rest.decode(errors="replace"))


async def _write_all(stream: ByteSendStream | None, content: bytes) -> None:
    if stream is None:
        return
    try:
        await stream.send(content)
        await stream.aclose()
    except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
        return  # the child ended without reading: its exit code says why


async def follow(
    argv: Sequence[str],
    *,
    environ: ChildEnvironment,
    cwd: Path | None = None,
    on_line: Callable[[str], None],
) -> CompletedCommand:
    """Run a child and call `on_line` for each line of both its streams as it arrives.

    The result's `stderr` holds the last lines of both. Cancellation ends the child.
    """
    last: deque[str] = deque(maxlen=200)

    def receive(line: str) -> None:
        last.append(line)
        on_line(line)

    async with (
        _child(argv, environ, cwd) as process,
        anyio.create_task_group() as group,
    ):
        group.start_soon(_read_lines, process.stdout, receive)
        group.start_soon(_read_lines, process.stderr, receive)
        code = await process.wait()
    return CompletedCommand(code, "", "\n".join(last))


async def run(
    argv: Sequence[str],
    *,
    environ: ChildEnvironment,
    cwd: Path | None = None,
    limit: float = 120,
    purpose: str | None = None,
    stdin: bytes | None = None,
) -> CompletedCommand:
    """Run a child to completion and capture its output, for at most `limit` seconds.

    Raises `EnvironmentProblem` when the time is over, when the program cannot be started, and, if `purpose` is given,
    when the exit code is not 0. `purpose` begins the message.
    """
    out: list[str] = []
    err: list[str] = []
    subject = purpose or argv[0]
    try:
        with anyio.fail_after(limit):
            async with (
                _child(argv, environ, cwd, stdin) as process,
                anyio.create_task_group() as group,
            ):
                group.start_soon(_read_lines, process.stdout, out.append)
                group.start_soon(_read_lines, process.stderr, err.append)
                if stdin is not None:
                    group.start_soon(_write_all, process.stdin, stdin)
                code = await process.wait()
    except TimeoutError:
        raise EnvironmentProblem(
            f"{subject}: no answer within {limit:.0f} s",
            hint="check what blocks it, then run the same command again",
            detail=tail("\n".join(out + err)) or None,
        ) from None
    except OSError as error:
        raise EnvironmentProblem(f"{subject}: cannot start {argv[0]}: {error.strerror}") from error
    completed = CompletedCommand(code, "\n".join(out), "\n".join(err))
    if purpose and code != 0:
        raise EnvironmentProblem(
            f"{purpose}: {Path(argv[0]).name} exited with code {code}",
            detail=tail(completed.stderr or completed.stdout) or None,
        )
    return completed
