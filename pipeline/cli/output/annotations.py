"""Problems where a CI shows them: GitHub's workflow commands, GitLab's Code Quality report.

GitHub: `::error file=…,line=…,col=…,title=…::message` on stderr (the runner reads both streams, and stdout is for
data), when GITHUB_ACTIONS is `true`. GitLab: a JSON list in the file that `--code-quality` or
LOCKAGE_CODE_QUALITY names, for `artifacts: reports: codequality:`; an empty list when there are no problems.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipeline.ci import Provider, job_of, provider_of
from pipeline.errors import ConfigError, LockageError, Problem
from pipeline.util.dataclass import dataclass
from pipeline.util.json.canonical import pretty
from pipeline.util.printable import safe_json, safe_value

from ..files.replace import replace_file
from . import console

if TYPE_CHECKING:
    from pipeline.plan import Plan
    from pipeline.run.lint import PlacedFinding

_SEVERITY = {"error": "blocker", "warning": "minor"}


@dataclass(frozen=True, slots=True)
class JobAnnotation:
    """One problem at a line of a file; `path` is below the folder that the CI checked out."""

    kind: Literal["error", "warning"]
    path: str
    line: int
    column: int
    title: str
    message: str


@dataclass(frozen=True, slots=True)
class Annotations:
    """Where annotations go: GitHub's log, GitLab's report at `report`, both or neither."""

    root: Path
    environ: Mapping[str, str]
    report: Path | None

    @classmethod
    def of(cls, root: Path, code_quality: Path | None, environ: Mapping[str, str]) -> Annotations:
        """The destinations that `--code-quality` and the environment name; a path in the variable is below the
        folder that the command was started in."""
        variable = environ.get("LOCKAGE_CODE_QUALITY")
        return cls(root, environ, code_quality or (Path(variable) if variable else None))

    @property
    def wanted(self) -> bool:
        """Whether there is a destination."""
        return self._on_github or self.report is not None

    def show_error(self, error: LockageError) -> None:
        """Show the problems of a ConfigError; other errors are none of the catalogue. Raises EnvironmentProblem."""
        if self.wanted:
            problems = error.problems if isinstance(error, ConfigError) else ()
            self._show([of_problem(problem, self.root, self.environ) for problem in problems])

    def show_warnings(self, plan: Plan) -> None:
        """Show the warnings of a plan, at the templates of their targets. Raises EnvironmentProblem."""
        if self.wanted:
            self._show(
                [
                    JobAnnotation("warning", self._template(target.template), 0, 0, target.id, warning)
                    for target in plan.targets
                    for warning in target.warnings
                ]
            )

    def show_lint(self, findings: Iterable[PlacedFinding]) -> None:
        """Show what linters say, at the lines of templates. Raises EnvironmentProblem."""
        if self.wanted:
            self._show(
                [
                    JobAnnotation(
                        "error" if placed.closes else "warning",
                        self._template(placed.path),
                        placed.line,
                        1,
                        placed.finding.rule,
                        placed.finding.message,
                    )
                    for placed in findings
                ]
            )

    @property
    def _on_github(self) -> bool:
        return provider_of(self.environ) is Provider.GITHUB

    def _template(self, path: str | None) -> str:
        return below_checkout(self.root / (path or "lockage.yml"), self.environ)

    def _show(self, annotations: list[JobAnnotation]) -> None:
        if self._on_github:
            for annotation in annotations:
                console.print_workflow_command(workflow_command(annotation))
        if self.report is not None:
            _write_report(self.report, annotations)


def of_problem(problem: Problem, root: Path, environ: Mapping[str, str]) -> JobAnnotation:
    """A problem as an annotation; its path is below `root`, or absolute."""
    suggestion = f" ({problem.suggestion})" if problem.suggestion else ""
    key = f"{problem.key}: " if problem.key else ""
    path = Path(problem.path)
    if (root / path).exists() or not path.is_relative_to(root):  # some problems name the whole path already
        path = root / path
    message = f"{key}{problem.text}{suggestion}"
    return JobAnnotation(
        "error", below_checkout(path, environ), problem.line, problem.column, "lockage", message
    )


def workflow_command(annotation: JobAnnotation) -> str:
    """An annotation as GitHub's runner reads it: `%`, CR and LF escaped, in properties `:` and `,` as well."""
    properties = {"file": annotation.path}
    if annotation.line:
        properties |= {"line": str(annotation.line), "col": str(annotation.column)}
    properties["title"] = annotation.title
    text = ",".join(f"{name}={_escape_property(value)}" for name, value in properties.items())
    return f"::{annotation.kind} {text}::{_escape(annotation.message)}"


def code_quality(annotations: Iterable[JobAnnotation]) -> list[dict[str, object]]:
    """Annotations as GitLab's report.

    A fingerprint leaves the line out, so that it survives an edit above it; equal problems of one file are numbered.
    """
    report: list[dict[str, object]] = []
    occurrences = dict[str, int]()
    for annotation in annotations:
        identity = f"{annotation.kind}\0{annotation.path}\0{annotation.title}\0{annotation.message}"
        occurrences[identity] = occurrences.get(identity, 0) + 1
        fingerprint = hashlib.sha256(f"{identity}\0{occurrences[identity]}".encode()).hexdigest()
        report.append(
            {
                "description": annotation.message,
                "check_name": f"lockage-{annotation.kind}",
                "fingerprint": fingerprint,
                "severity": _SEVERITY[annotation.kind],
                "location": {"path": annotation.path, "lines": {"begin": max(1, annotation.line)}},
            }
        )
    return report


def _write_report(path: Path, annotations: Iterable[JobAnnotation]) -> None:
    replace_file(path, safe_json(pretty(code_quality(annotations))), root=Path())


def below_checkout(path: Path, environ: Mapping[str, str]) -> str:
    """A path as the CI names it: below its checkout, else below the current folder, else absolute."""
    absolute = Path(os.path.normpath(Path.cwd() / path))
    for folder in (job_of(environ).checkout, Path.cwd()):
        if folder is not None and absolute.is_relative_to(folder):
            return absolute.relative_to(folder).as_posix()
    return absolute.as_posix()


def _escape(text: str) -> str:
    return safe_value(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
