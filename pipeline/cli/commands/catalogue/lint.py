"""lint: hadolint on every rendered Dockerfile, findings at the lines of the templates."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import Exit
from pipeline.util.dataclass import dataclass

from ...arguments import group
from ...command import Command
from ...common_options import CatalogueOptions, CommonOptions, locked_flag
from ...output import console

if TYPE_CHECKING:
    from pipeline.run.lint import PlacedFinding


@dataclass(frozen=True, slots=True, kw_only=True)
class LintOptions:
    """What `lint` understands."""

    common: CommonOptions = group(CommonOptions)
    catalogue: CatalogueOptions = group(CatalogueOptions)
    locked: bool = locked_flag()


def lint(options: LintOptions) -> int:
    """Lint; exit code 7 when a finding closes the lint gate of an image."""
    from ... import signals
    from ...output.annotations import Annotations

    findings = signals.run(partial(_lint, options))
    closed = sorted({tag for finding in findings for tag in finding.closes})
    code = Exit.GATE if closed else Exit.OK
    if options.common.json:
        entries = [finding.to_json() for finding in findings]
        console.print_json({"findings": entries, "closed": closed, "exit_code": int(code)})
    else:
        for finding in findings:
            console.print_line(_text(finding))
    root, report = options.common.root, options.catalogue.report.code_quality
    Annotations.of(root, report, os.environ).show_lint(findings)
    console.message(_summary(findings, closed))
    return int(code)


async def _lint(options: LintOptions) -> tuple[PlacedFinding, ...]:
    from pipeline.run.lint import lint_plan

    from ...output.progress import Progress
    from ...planning.reader import PlanRequest
    from ...run_context import RunRequest, open_run

    plan = PlanRequest.of(options.common, options.catalogue, locked=options.locked)
    with Progress() as report:
        async with open_run("lint", RunRequest(plan), report) as context:
            return await lint_plan(context)


def _text(finding: PlacedFinding) -> str:
    closes = f"  (closes {', '.join(finding.closes)})" if finding.closes else ""
    place = f"{finding.path}:{finding.line}" if finding.line else finding.path
    return f"{place}: {finding.finding}{closes}"


def _summary(findings: tuple[PlacedFinding, ...], closed: list[str]) -> str:
    if not findings:
        return "no findings"
    plural = "" if len(findings) == 1 else "s"
    return f"{len(findings)} finding{plural}; " + (
        f"the lint gate is closed for {', '.join(closed)}" if closed else "no lint gate is closed"
    )


COMMANDS = {"lint": Command(LintOptions, lint)}
