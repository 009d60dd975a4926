"""Lint of a catalogue's Dockerfiles: hadolint in the engine, all texts in one call, findings at template lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.engine.lint import lint
from pipeline.errors import BuildError
from pipeline.model import Digest
from pipeline.plan.template_lines import TemplateLines
from pipeline.policy.lint import LintFinding, closing, hadolint_findings
from pipeline.util.progress import ProgressState

if TYPE_CHECKING:
    from pipeline.plan import Target

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


async def lint_plan(context: RunContext) -> tuple[PlacedFinding, ...]:
    """What hadolint says of every Dockerfile of the plan, without the rules that its gate ignores, by file and line.

    Raises BuildError, EnvironmentProblem.
    """
    tags = [targets[0] for _, targets in context.plan.groups() if targets[0].external is None]
    if not tags:
        return ()
    texts = {f"{Digest.of(target.dockerfile.encode()).hex}.Dockerfile": target.dockerfile for target in tags}
    context.tell("", ProgressState.LINT, f"{len(texts)} Dockerfiles")
    client = await context.engine.client()
    report = await lint(client, context.tools.image("hadolint"), texts)
    try:
        by_file = hadolint_findings(report)
    except ValueError as fault:
        raise BuildError(f"a tool's report cannot be read: {fault}") from None
    by_text = {texts[file]: findings for file, findings in by_file.items() if file in texts}
    return _merged(_placed(TemplateLines(context.plan), tags, by_text))


def _placed(
    lines: TemplateLines, tags: Sequence[Target], by_text: Mapping[str, tuple[LintFinding, ...]]
) -> Iterator[PlacedFinding]:
    for target in tags:
        gate = target.gates.lint
        findings = [f for f in by_text.get(target.dockerfile, ()) if f.rule not in gate.ignore]
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
