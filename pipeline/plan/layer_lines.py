"""Which line of a target's Dockerfile made a layer: the image's history against the Dockerfile's instructions.

BuildKit writes one entry of history for each instruction of the stages that the last one is built from, ONBUILD
aside, and begins it with the instruction's keyword (frontend/dockerfile/dockerfile2llb). So the newest entries are
those of the Dockerfile, and what is older came with the base.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.dockerfile.bases import find_bases
from pipeline.dockerfile.instructions import Instruction, scanned

if TYPE_CHECKING:
    from .plan import Target


def layer_lines(target: Target, history: Sequence[tuple[str, bool]]) -> tuple[int, ...]:
    """The line (from 1) of each layer's instruction, lowest layer first; the line of FROM for those of the base, 0
    without a Dockerfile.

    `history` has each entry's `created_by`, and whether it made a layer. Where it is not that of the Dockerfile, all
    layers are the base's.
    """
    base, instructions = _instructions(target)
    own = history[len(history) - len(instructions) :] if len(instructions) <= len(history) else ()
    if [created_by.partition(" ")[0] for created_by, _ in own] != [i.keyword for i in instructions]:
        instructions = ()
    lines = [base] * (len(history) - len(instructions)) + [i.line for i in instructions]
    return tuple(line for line, (_, makes_layer) in zip(lines, history, strict=True) if makes_layer)


def from_line(target: Target) -> int:
    """The line (from 1) of the FROM that the last stage goes back to; 0 without a Dockerfile."""
    return _instructions(target)[0]


def _instructions(target: Target) -> tuple[int, tuple[Instruction, ...]]:
    """The line of the FROM that the last stage goes back to, and the instructions with an entry of history."""
    names = frozenset(context.name for context in target.contexts)
    uses = find_bases(target.dockerfile, target.platform, target.arguments, names)
    stages: list[list[Instruction]] = []
    for instruction in scanned(target.dockerfile).instructions:
        if instruction.keyword == "FROM":
            stages.append([instruction])
        elif stages:
            stages[-1].append(instruction)
    chain = [number for number in uses.chain if number not in uses.skipped and number < len(stages)]
    if not chain:
        return 0, ()
    own = (i for number in chain for i in stages[number][1:] if i.keyword != "ONBUILD")
    return stages[chain[0]][0].line, tuple(own)
