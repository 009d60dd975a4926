"""Problems where a CI shows them: GitHub's workflow commands, GitLab's Code Quality report.

GitHub: `::error file=…,line=…,col=…,title=…::message` on stderr (the runner reads both streams, and stdout is for
data), when GITHUB_ACTIONS is `true`. GitLab: a JSON list in the file that `--code-quality` or
LOCKAGE_CODE_QUALITY names, for `artifacts: reports: codequality:`; an empty one when there is nothing to say.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pipeline.errors import ConfigError, EnvironmentProblem, LockageError, Problem
from pipeline.util.files import replace_file

from . import output

if TYPE_CHECKING:
    from pipeline.plan import Plan

_SEVERITY = {"error": "blocker", "warning": "minor"}


@dataclass(frozen=True, slots=True)
class Note:
    """One thing to be shown at a line of a file; `path` is below the folder that the CI checked out."""

    kind: Literal["error", "warning"]
    path: str
    line: int
    column: int
    title: str
    message: str


def asked(options: argparse.Namespace) -> bool:
    """Whether anybody wants to know."""
    return os.environ.get("GITHUB_ACTIONS") == "true" or _report(options) is not None


def tell_fault(fault: LockageError, options: argparse.Namespace) -> None:
    """Show the problems of a ConfigError; of other faults only that there is nothing about the catalogue."""
    problems = fault.problems if isinstance(fault, ConfigError) else ()
    _tell([of_problem(p, options.root, os.environ) for p in problems], options)


def tell_warnings(plan: Plan, options: argparse.Namespace) -> None:
    """Show the warnings of a plan, at the templates of their targets; once for a command, however often it plans."""
    if asked(options) and not getattr(options, "warned", False):
        options.warned = True
        notes = [
            Note(
                "warning",
                _below(options.root / (t.template or "lockage.yml"), os.environ),
                0,
                0,
                t.id,
                warning,
            )
            for t in plan.targets
            for warning in t.warnings
        ]
        _tell(notes, options)


def of_problem(problem: Problem, root: Path, environment: Mapping[str, str]) -> Note:
    """A problem as a note; its path is below `root`."""
    more = f" ({problem.suggestion})" if problem.suggestion else ""
    key = f"{problem.key}: " if problem.key else ""
    path = Path(problem.path)
    if (root / path).exists() or not path.is_relative_to(root):  # some name the whole path already
        path = root / path
    return Note(
        "error",
        _below(path, environment),
        problem.line,
        problem.column,
        "lockage",
        f"{key}{problem.text}{more}",
    )


def workflow_command(note: Note) -> str:
    """A note as GitHub's runner reads it: `%`, CR and LF escaped, in properties `:` and `,` as well."""
    properties = {"file": note.path}
    if note.line:
        properties |= {"line": str(note.line), "col": str(note.column)}
    properties["title"] = note.title
    said = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{note.kind} {said}::{_data(note.message)}"


def code_quality(notes: Iterable[Note]) -> list[dict[str, Any]]:
    """Notes as GitLab's report. A fingerprint does not hold the line, so that it survives an edit above it; what
    is said twice of one file is told apart by a number."""
    out, seen = [], dict[str, int]()
    for note in notes:
        what = f"{note.kind}\0{note.path}\0{note.title}\0{note.message}"
        seen[what] = seen.get(what, 0) + 1
        out.append(
            {
                "description": note.message,
                "check_name": f"lockage-{note.kind}",
                "fingerprint": hashlib.sha256(f"{what}\0{seen[what]}".encode()).hexdigest(),
                "severity": _SEVERITY[note.kind],
                "location": {"path": note.path, "lines": {"begin": max(1, note.line)}},
            }
        )
    return out


def _tell(notes: list[Note], options: argparse.Namespace) -> None:
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for note in notes:
            output.say(workflow_command(note))
    place = _report(options)
    if place is not None:
        text = json.dumps(code_quality(notes), indent=2, ensure_ascii=False) + "\n"
        try:
            replace_file(place, text)
        except OSError as fault:
            raise EnvironmentProblem(f"cannot write {place}: {fault.strerror}") from None


def _report(options: argparse.Namespace) -> Path | None:
    """Where the report goes; a path in the variable is below the folder the command was started in."""
    name = getattr(options, "code_quality", None) or os.environ.get("LOCKAGE_CODE_QUALITY")
    return Path(name) if name else None


def _below(path: Path, environment: Mapping[str, str]) -> str:
    """A path as the CI names it: below its checkout, else below the current folder, else whole."""
    whole = Path(os.path.normpath(Path.cwd() / path))
    for base in _checkouts(environment):
        if whole.is_relative_to(base):
            return whole.relative_to(base).as_posix()
    return whole.as_posix()


def _checkouts(environment: Mapping[str, str]) -> Iterator[Path]:
    for name in ("GITHUB_WORKSPACE", "CI_PROJECT_DIR"):
        if environment.get(name):
            yield Path(environment[name])
    yield Path.cwd()


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
