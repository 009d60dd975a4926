"""Which line a person wrote when an instruction fails: BuildKit knows the Dockerfile's, the plan the template's."""

from __future__ import annotations

from pipeline.errors import BuildError
from pipeline.plan import Plan, Target


def located(plan: Plan, target: Target, fault: BuildError) -> BuildError:
    """The same error with the template's file and line in front, where BuildKit named a line."""
    if fault.lines is None:
        return fault
    where = place(plan, target, fault.lines[0])
    return BuildError(f"{where}: {fault.message}", hint=fault.hint, detail=fault.detail, lines=fault.lines)


def place(plan: Plan, target: Target, line: int) -> str:
    """A line of a target's Dockerfile (from 1) as `file:line` of its template, or of what is generated."""
    from pipeline.plan.template_lines import template_line

    found = template_line(plan, target.id, line)
    return f"{found[0]}:{found[1]}" if found else f"the generated Dockerfile, line {line}"
