"""Lint of a catalogue's Dockerfiles: hadolint in the engine, all texts in one call, findings at template lines."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from pipeline.engine.lint import LinterFailed, lint
from pipeline.model import Digest, LintLevel
from pipeline.plan.output.disk import Generated
from pipeline.plan.output.generate import write
from pipeline.policy import LintFinding, LintReport, Tool
from pipeline.policy.lint import closing, hadolint_findings
from pipeline.util.dataclass import dataclass
from pipeline.util.progress import ProgressState

if TYPE_CHECKING:
    from pipeline.plan import Target
    from pipeline.plan.template_lines import TemplateLines

    from .context import RunContext


@dataclass(frozen=True, slots=True)
class PlacedFinding:
    """A finding at its template's file and line (0 where that is unknown), and the tags whose Dockerfiles have it.

    `closes` are those of the tags whose gate it closes.
    """

    path: str
    line: int
    finding: LintFinding
    tags: tuple[str, ...]
    closes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """The finding as data."""
        finding = self.finding
        return {
            "path": self.path,
            "line": self.line,
            "rule": finding.rule,
            "level": str(finding.level),
            "message": finding.message,
            "tags": list(self.tags),
            "closes": list(self.closes),
        }


class Linter:
    """What hadolint says of the Dockerfiles of a plan, asked once for all of them and only when it is needed."""

    def __init__(self, context: RunContext) -> None:
        self._context, self._lock = context, anyio.Lock()
        self._findings: dict[str, tuple[LintFinding, ...]] | None = None
        self._unexamined: dict[str, str] = {}

    async def report(self, target: Target) -> LintReport:
        """The report on a target's Dockerfile; not examined where hadolint fails, or its report cannot be read.

        Raises BuildError, EnvironmentProblem.
        """
        async with self._lock:
            if self._findings is None:
                await self._lint()
        assert self._findings is not None
        tool = Tool("hadolint", self._context.tools.version("hadolint"))
        name = _name(target)
        missed = self._unexamined.get(name)
        return LintReport(tool, self._findings.get(name, ()), (missed,) if missed else ())

    async def _lint(self) -> None:
        context = self._context
        texts = {_name(t): t.dockerfile for t in context.plan.targets if t.external is None}
        context.tell("", ProgressState.LINT, f"{len(texts)} Dockerfiles")
        # One folder of all: the engine takes no query that names hundreds of files.
        files = {name: Generated("file", content=text.encode()) for name, text in texts.items()}
        folder = context.contexts / "lint" / Digest.of("\n".join(sorted(texts)).encode()).hex
        await anyio.to_thread.run_sync(partial(write, files, folder, None))
        client, tool = await context.engine.client(), context.tools.image("hadolint")
        step = partial(lint, client, tool, await context.engine.folder(folder))
        self._findings = await self._examine(step, sorted(texts))

    async def _examine(
        self, step: Callable[[Sequence[str]], Awaitable[bytes]], names: Sequence[str]
    ) -> dict[str, tuple[LintFinding, ...]]:
        """The findings by file; where hadolint fails, of each half, so that one Dockerfile costs no other a report."""
        if not names:
            return {}
        try:
            return dict(hadolint_findings(await step(names)))
        except (LinterFailed, ValueError) as fault:
            if len(names) == 1:
                self._unexamined[names[0]] = (
                    f"hadolint: {str(fault).splitlines()[0] if str(fault) else 'failed'}"
                )
                return {}
        half = len(names) // 2
        return await self._examine(step, names[:half]) | await self._examine(step, names[half:])


async def lint_plan(context: RunContext) -> tuple[PlacedFinding, ...]:
    """What hadolint says of every Dockerfile of the plan, without the rules that its gate ignores, by file and line.

    Raises BuildError, EnvironmentProblem.
    """
    from pipeline.plan.template_lines import TemplateLines

    tags = [targets[0] for _, targets in context.plan.groups() if targets[0].external is None]
    linter = Linter(context)
    reports = [(target, await linter.report(target)) for target in tags]
    return _merged(_placed(TemplateLines(context.plan), reports))


def _name(target: Target) -> str:
    return f"{Digest.of(target.dockerfile.encode()).hex}.Dockerfile"


def _placed(lines: TemplateLines, reports: Sequence[tuple[Target, LintReport]]) -> Iterator[PlacedFinding]:
    for target, report in reports:
        gate = target.gates.lint
        missed = [
            LintFinding(0, "hadolint", LintLevel.ERROR, f"not examined: {m}") for m in report.unexamined
        ]
        findings = [*missed, *(f for f in report.findings if f.rule not in gate.ignore)]
        closed = closing(findings, gate)
        for finding in findings:
            path, line = lines.of(target.id, finding.line) or (target.template or "lockage.yml", 0)
            closes = (target.name,) if finding in closed else ()
            yield PlacedFinding(path, line, finding, (target.name,), closes)


def _merged(findings: Iterator[PlacedFinding]) -> tuple[PlacedFinding, ...]:
    """Findings of one template once, whichever tags render it."""
    out: dict[tuple[str, int, str, str], PlacedFinding] = {}
    for one in findings:
        key = (one.path, one.line, one.finding.rule, one.finding.message)
        known = out.get(key)
        tags, closes = (known.tags, known.closes) if known else ((), ())
        out[key] = PlacedFinding(one.path, one.line, one.finding, (*tags, *one.tags), (*closes, *one.closes))
    return tuple(out[key] for key in sorted(out))
