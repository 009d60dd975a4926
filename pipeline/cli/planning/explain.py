"""`plan --explain`: where each value of a target comes from; `--explain-path`: which level of rootfs/ has a path."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import UsageError
from pipeline.util.printable import safe_line

from ..instance.lock_file import known_lock
from ..output import console

if TYPE_CHECKING:
    from pipeline.plan import Explained, ExplainedPath, Plan
    from pipeline.plan.explain.rootfs import RootfsLevel

_MAX_VALUE = 56  # characters of a value in the table; --json has it whole


def print_target(plan: Plan, name: str, root: Path, *, since_build: bool, as_json: bool) -> None:
    """Every value of one target with its position. Raises UsageError for a name of several targets, or of none."""
    from pipeline.plan import explain_target

    target_id = _one_target(plan, name)
    lock = known_lock(root).path
    lock_name = lock.name if lock.parent.resolve() == root.resolve() else str(lock)
    explained = explain_target(plan, target_id, lock=lock_name)
    values = [value.to_json() for value in explained]
    table = _table(list(_rows(explained)))
    if since_build:
        from .last_build import find_last_build, to_json, to_text

        build = find_last_build(plan, target_id, root)
        if as_json:
            console.print_json({"values": values, "since_build": to_json(build)})
        else:
            console.print_text(f"{table}\n{to_text(build)}")
    elif as_json:
        console.print_json(values)
    else:
        console.print_text(table)


def print_gates(plan: Plan, name: str, root: Path, *, as_json: bool) -> None:
    """The gates of one target, each value with its position. Raises UsageError like `print_target`."""
    from pipeline.plan import explain_target

    target_id = _one_target(plan, name)
    every = explain_target(plan, target_id, lock=known_lock(root).path.name)
    explained = tuple(value for value in every if value.key.startswith("gates."))
    if as_json:
        console.print_json([value.to_json() for value in explained])
    else:
        console.print_text(_table(list(_rows(explained))))


def print_path(plan: Plan, path: str, targets: tuple[str, ...], *, as_json: bool) -> None:
    """Which level of rootfs/ a path comes from, for every tag of these targets. Raises UsageError where none has it."""
    from pipeline.plan import explain_rootfs, matching

    ids = matching(plan, targets) if targets else tuple(target.id for target in plan.targets)
    explained = explain_rootfs(plan, ids, path)
    if as_json:
        console.print_json([tag.to_json() for tag in explained])
        return
    for tag in explained:
        console.print_line(f"{tag.name}  /{tag.path}")
        console.print_text(_table(list(_levels(tag))))


def _one_target(plan: Plan, name: str) -> str:
    from pipeline.plan import matching

    ids = matching(plan, [name])
    if len(ids) > 1:
        raise UsageError(
            f"--explain {name}: names {len(ids)} targets, expected one",
            hint=f"lockage plan --explain {ids[0]}",
            detail=", ".join(ids[:4]) + (", …" if len(ids) > 4 else ""),
        )
    return ids[0]


def _rows(explained: tuple[Explained, ...]) -> Iterator[tuple[str, str, str]]:
    for value in explained:
        why = f"  ({value.why})" if value.why else ""
        yield value.key, _shorten(value.value), f"{value.location}{why}"
        for overridden in value.overrides:
            yield "", f"not {_shorten(overridden.value)}", str(overridden.location)


def _levels(tag: ExplainedPath) -> Iterator[tuple[str, str, str]]:
    if tag.wins:
        yield "  wins", *_level(tag.wins)
    for level in tag.loses:
        yield "  loses", *_level(level)
    if tag.hidden_by:
        yield "  because", tag.hidden_by, "replaces a folder above it"


def _level(level: RootfsLevel) -> tuple[str, str]:
    entry = f"{level.kind} {level.mode:04o}"
    if level.target is not None:
        entry = f"link -> {level.target}"
    elif level.digest:
        entry += f", {level.size} bytes, {level.digest[:19]}"
    return level.origin, entry


def _table(rows: list[tuple[str, str, str]]) -> str:
    cells = [tuple(map(safe_line, row)) for row in rows]
    first, second = (max(len(row[column]) for row in cells) for column in (0, 1))
    return "".join(f"{a:{first}}  {b:{second}}  {c}".rstrip() + "\n" for a, b, c in cells)


def _shorten(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_VALUE else text[: _MAX_VALUE - 1] + "…"
