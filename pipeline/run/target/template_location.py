"""Which line of a template an instruction comes from: BuildKit knows the Dockerfile's line, the plan the template's."""

from __future__ import annotations

from pipeline.dockerfile.bases import find_bases
from pipeline.errors import BuildError
from pipeline.model import Platform
from pipeline.plan import Plan, Target


def located(plan: Plan, target: Target, fault: BuildError) -> BuildError:
    """The same error with the template's file and line first, if BuildKit named a line."""
    if fault.lines is None:
        return fault
    position = template_position(plan, target, fault.lines[0])
    return BuildError(f"{position}: {fault.message}", hint=fault.hint, detail=fault.detail, lines=fault.lines)


def refuse_missing_stage(plan: Plan, target: Target, engine: Platform) -> None:
    """Raise BuildError where FROM names no stage on an engine of this platform: BuildKit would pull an image of that
    name, which nobody listed."""
    contexts = [context.name for context in target.contexts]
    uses = find_bases(target.dockerfile, target.platform, target.arguments, contexts)
    line = uses.missing.get(engine)
    if line is not None:
        position = template_position(plan, target, line)
        message = f"{position}: this FROM names no stage when {engine} builds it"
        raise BuildError(message, hint=f"add a stage for {engine}, or build on another platform")


def template_position(plan: Plan, target: Target, line: int) -> str:
    """A line of a target's Dockerfile (from 1) as `file:line` of its template, or of the generated Dockerfile."""
    from pipeline.plan.template_lines import template_line

    position = template_line(plan, target.id, line)
    return f"{position[0]}:{position[1]}" if position else f"the generated Dockerfile, line {line}"
