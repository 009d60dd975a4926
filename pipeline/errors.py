"""One tree of errors: each has an exit code, a cause and the next command.

An error is raised where the cause is known, carries what a person needs, and is shown once, by `cli` or `module`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of the program; `docs/running.md` has the table for people."""

    OK = 0
    INTERNAL = 1  # a defect of Lockage itself
    USAGE = 2  # the command line
    CONFIG = 3  # lockage.yml, image.yml, templates, lock
    ENVIRONMENT = 4  # engine, Docker, tools, disk
    REGISTRY = 5  # a registry refused, failed, or changed meanwhile
    BUILD = 6  # a Dockerfile instruction failed
    GATE = 7  # a gate is closed: findings, tests, size, signature
    INTERRUPTED = 130


class LockageError(Exception):
    """Root of everything the program raises on purpose.

    `message` says what went wrong and where, in one sentence; `hint` is the next command or edit;
    `detail` is evidence (last lines of a log, a list), shown below the message.
    """

    exit_code: Exit = Exit.INTERNAL

    def __init__(self, message: str, *, hint: str | None = None, detail: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.detail = detail

    def to_json(self) -> dict[str, object]:
        """The error as data: `kind`, `message`, and where known `hint`, `detail`, `problems`."""
        data: dict[str, object] = {"kind": type(self).__name__, "message": self.message}
        if self.hint:
            data["hint"] = self.hint
        if self.detail:
            data["detail"] = self.detail
        return data


class UsageError(LockageError):
    """The command line names something that does not exist, or options that exclude each other."""

    exit_code = Exit.USAGE


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem in a file the user wrote. `line` and `column` count from 1; 0 means unknown.

    `subject` is the tag that it is about (`python:3.11.2-dev`), where several share the text; `base` is the name of an
    image that could not be resolved.
    """

    path: str
    line: int
    column: int
    key: str
    message: str
    suggestion: str | None = None
    subject: str = ""
    base: str = ""

    @property
    def text(self) -> str:
        """The message with its subject."""
        return f"{self.message} ({self.subject})" if self.subject else self.message

    def __str__(self) -> str:
        position = self.path + (f":{self.line}:{self.column}" if self.line else "")
        key = f" {self.key}:" if self.key else ""
        suggestion = f" ({self.suggestion})" if self.suggestion else ""
        return f"{position}:{key} {self.text}{suggestion}"

    def to_json(self) -> dict[str, object]:
        """The problem as data; unknown positions and absent suggestions are left out."""
        data: dict[str, object] = {"path": self.path, "key": self.key, "message": self.text}
        if self.line:
            data |= {"line": self.line, "column": self.column}
        if self.suggestion:
            data["suggestion"] = self.suggestion
        return data


class ConfigError(LockageError):
    """One or more problems in files the user wrote; all of them, in file order."""

    exit_code = Exit.CONFIG

    def __init__(self, problems: list[Problem], *, hint: str | None = None) -> None:
        self.problems = tuple(sorted(problems, key=_file_order))
        count = len(self.problems)
        noun = "problem" if count == 1 else "problems"
        super().__init__(
            f"{count} {noun} in the configuration",
            hint=hint,
            detail="\n".join(str(p) for p in self.problems),
        )

    def to_json(self) -> dict[str, object]:
        """As `LockageError.to_json`, with `problems` as a list instead of `detail`."""
        data = super().to_json()
        data.pop("detail", None)
        data["problems"] = [p.to_json() for p in self.problems]
        return data


def _file_order(problem: Problem) -> tuple[str, int, int, str, str, str]:
    position = problem.path, problem.line, problem.column
    return *position, problem.key, problem.text, problem.suggestion or ""


class EnvironmentProblem(LockageError):
    """What the run needs is missing or broken: engine, Docker, a tool, disk space."""

    exit_code = Exit.ENVIRONMENT


class RegistryError(LockageError):
    """A registry could not be reached, refused a request, or returned an invalid response.

    `status` is the HTTP status of an error response, `code` the registry's error code (distribution-spec v1.1, "Error
    Codes"); None where there was no response, or it had no code.
    """

    exit_code = Exit.REGISTRY

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        detail: str | None = None,
        status: int | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, detail=detail)
        self.status = status
        self.code = code


class BuildError(LockageError):
    """A target could not be built; `detail` holds the last lines of the failing instruction.

    `lines` are the first and last line of the instruction in the Dockerfile (from 1), where they are known.
    """

    exit_code = Exit.BUILD

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        detail: str | None = None,
        lines: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(message, hint=hint, detail=detail)
        self.lines = lines


class GateClosed(LockageError):
    """At least one gate is closed. Nothing behind it was tagged."""

    exit_code = Exit.GATE


class Interrupted(LockageError):
    """The user asked to stop (Ctrl-C or SIGTERM); a rerun completes the work."""

    exit_code = Exit.INTERRUPTED
