"""The stages that a build runs: the last one, and what it is based on, copies from or mounts. BuildKit skips the others
(frontend/dockerfile/dockerfile2llb, allReachableStages)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from .arguments import stage_name
from .instructions import Dockerfile, Instruction, refused, scanned
from .mounts import fields

_VARIABLE = frozenset("$\"'\\`")  # what may be replaced in a word


@lru_cache(maxsize=16_384)  # texts: more than the targets of a large catalogue
def used_instructions(text: str) -> tuple[Instruction, ...]:
    """The instructions of the stages that the build runs, without the one that BuildKit refuses."""
    used, wrong = used_stages(text), refused(scanned(text))
    stage = -1
    instructions = []
    for instruction in scanned(text).instructions:
        stage += instruction.keyword == "FROM"
        if stage in used and (wrong is None or instruction.line != wrong[0]):
            instructions.append(instruction)
    return tuple(instructions)


@lru_cache(maxsize=4096)
def used_stages(text: str) -> frozenset[int]:
    """The numbers of the stages that the last one needs, itself included; all of them where a FROM has variables.

    An ONBUILD trigger of a base from elsewhere may use more.
    """
    stages = _stages(scanned(text))
    last: dict[str, int] = {}
    below: list[int | None] = []
    for number, (start, *_) in enumerate(stages):
        name = start.words[0].text if start.words else "$"
        if _VARIABLE.intersection(name):
            return frozenset(range(len(stages)))
        below.append(last.get(name))
        if own := stage_name(start):
            last[own] = number
    used: set[int] = set()
    triggered: set[int] = set()
    waiting = [len(stages) - 1] if stages else []
    while waiting:
        number = waiting.pop()
        if number in used:
            continue
        used.add(number)
        base = below[number]
        run = [*stages[number]]
        if base is not None and base not in triggered:
            triggered.add(base)
            waiting.append(base)
            run += [instruction.later for instruction in stages[base] if instruction.later]
        waiting += [n for instruction in run for n in _mentioned(instruction, last) if n < len(stages)]
    return frozenset(used)


def _stages(file: Dockerfile) -> list[list[Instruction]]:
    stages: list[list[Instruction]] = []
    for instruction in file.instructions:
        if instruction.keyword == "FROM":
            stages.append([])
        if stages:
            stages[-1].append(instruction)
    return stages


def _mentioned(instruction: Instruction, names: Mapping[str, int]) -> Iterator[int]:
    """The stages that COPY --from and RUN --mount=from name: COPY by number too."""
    if instruction.keyword == "COPY" and (flag := instruction.flag("from")) is not None:
        named = names.get(flag.text.lower())
        number = flag.text[:9]
        if named is not None:
            yield named
        elif number.isascii() and number.isdecimal():
            yield int(number)
    elif instruction.keyword == "RUN":
        for mount in instruction.flag_values("mount"):
            name = fields(mount.text).get("from", "").lower()
            if name in names and name:
                yield names[name]
