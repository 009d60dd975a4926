"""Child processes: run to the end with captured output, or line by line; never without a way to stop."""

from __future__ import annotations

import shutil
import subprocess
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
from anyio.abc import ByteReceiveStream, ByteSendStream, Process

from pipeline.errors import EnvironmentProblem

from .settings import LabSettings

TAIL = 25


@dataclass(frozen=True, slots=True)
class CompletedCommand:
    """What a finished child left: exit code, standard output and standard error as text."""

    code: int
    out: str
    err: str


def find(program: str, settings: LabSettings) -> Path | None:
    """The program on the settings' PATH, or None."""
    found = shutil.which(program, path=settings.path)
    return Path(found) if found else None


def tail(text: str, lines: int = TAIL) -> str:
    """The last lines of a text, for the `detail` of an error."""
    return "\n".join(text.rstrip().splitlines()[-lines:])


@asynccontextmanager
async def _child(
    argv: Sequence[str], environ: Mapping[str, str], cwd: Path | None, stdin: bytes | None = None
) -> AsyncIterator[Process]:
    process = await anyio.open_process(
        argv,
        env=dict(environ),
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


async def _lines(stream: ByteReceiveStream | None, each: Callable[[str], None]) -> None:
    rest = b""
    if stream is None:
        return
    async for chunk in stream:
        *full, rest = (rest + chunk).split(b"\n")
        for line in full:
            each(line.decode(errors="replace"))
    if rest:
        each(rest.decode(errors="replace"))


async def _feed(stream: ByteSendStream | None, content: bytes) -> None:
    if stream is None:
        return
    try:
        await stream.send(content)
        await stream.aclose()
    except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
        return  # it ended without reading: its exit code tells


async def follow(
    argv: Sequence[str],
    *,
    environ: Mapping[str, str],
    cwd: Path | None = None,
    each: Callable[[str], None],
) -> CompletedCommand:
    """Run a child and give every line of both its streams to `each` as it comes.

    The result's `err` holds the last lines only. A cancelled wait ends the child.
    """
    last: deque[str] = deque(maxlen=200)

    def line(text: str) -> None:
        last.append(text)
        each(text)

    async with (
        _child(argv, environ, cwd) as process,
        anyio.create_task_group() as group,
    ):
        group.start_soon(_lines, process.stdout, line)
        group.start_soon(_lines, process.stderr, line)
        code = await process.wait()
    return CompletedCommand(code, "", "\n".join(last))


async def run(
    argv: Sequence[str],
    *,
    environ: Mapping[str, str],
    cwd: Path | None = None,
    limit: float = 120,
    what: str | None = None,
    stdin: bytes | None = None,
) -> CompletedCommand:
    """Run a child to its end and capture its output, for at most `limit` seconds; `stdin` is its input.

    Raises `EnvironmentProblem` when the time is over, when the program does not exist, and, if `what`
    names the purpose, when it ends with another code than 0.
    """
    out: list[str] = []
    err: list[str] = []
    purpose = what or argv[0]
    try:
        with anyio.fail_after(limit):
            async with (
                _child(argv, environ, cwd, stdin) as process,
                anyio.create_task_group() as group,
            ):
                group.start_soon(_lines, process.stdout, out.append)
                group.start_soon(_lines, process.stderr, err.append)
                if stdin is not None:
                    group.start_soon(_feed, process.stdin, stdin)
                code = await process.wait()
    except TimeoutError:
        raise EnvironmentProblem(
            f"{purpose}: no answer within {limit:.0f} s",
            hint="see what holds it, then run the same command again",
            detail=tail("\n".join(out + err)) or None,
        ) from None
    except OSError as error:
        raise EnvironmentProblem(f"{purpose}: cannot start {argv[0]}: {error.strerror}") from error
    done = CompletedCommand(code, "\n".join(out), "\n".join(err))
    if what and code != 0:
        raise EnvironmentProblem(
            f"{what}: {Path(argv[0]).name} ended with code {code}",
            detail=tail(done.err or done.out) or None,
        )
    return done
