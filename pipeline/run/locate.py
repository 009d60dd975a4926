"""Which line a person wrote when an instruction fails: the engine knows the command, the plan the template."""

from __future__ import annotations

import json

from pipeline.catalogue import Plan, Target
from pipeline.catalogue.dockerfiles.scan import Instruction, scan
from pipeline.errors import BuildError


def located(plan: Plan, target: Target, fault: BuildError) -> BuildError:
    """The same error with the template's file and line in front, where they can be told."""
    from pipeline.catalogue.templating.lines import template_line

    line = failing_line(target.dockerfile, fault.command)
    if line is None:
        return fault
    place = template_line(plan, target.id, line)
    where = f"{place[0]}:{place[1]}" if place else f"the generated Dockerfile, line {line}"
    return BuildError(
        f"{where}: {fault.message}", hint=fault.hint, detail=fault.detail, command=fault.command
    )


def failing_line(dockerfile: str, command: tuple[str, ...]) -> int | None:
    """The line (from 1) of the RUN that ran a command; None when none or more than one fits."""
    if not command:
        return None
    runs = [i for i in scan(dockerfile).instructions if i.keyword == "RUN"]
    fitting = [i.line for i in runs if _ran(_said(dockerfile, i), command)]
    return fitting[0] if len(fitting) == 1 else None


def _said(dockerfile: str, instruction: Instruction) -> str:
    """What follows RUN and its flags, without continuations and the comments between them, blanks as one."""
    lines = dockerfile[: instruction.end].splitlines()[instruction.line - 1 :]
    kept = [line.rstrip().removesuffix("\\") for line in lines if not line.lstrip().startswith("#")]
    words = " ".join(kept).split()[1 + len(instruction.flags) :]
    return " ".join(words)


def _ran(said: str, command: tuple[str, ...]) -> bool:
    try:
        return tuple(json.loads(said)) == command
    except (ValueError, TypeError):
        return bool(said) and " ".join(command[-1].replace("\\\n", " ").split()) == said
