"""Why things are as they are, for people and machines: what a change touches, what a value comes from."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from pipeline.errors import Exit, UsageError

from . import output

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.plan import Explained, ExplainedPath, Impact, Plan
    from pipeline.plan.explain.rootfs import RootfsLevel

_WIDE = 56  # characters of a value in the table; --json has it whole


def with_affected(plan: str, impact: Impact) -> str:
    """A plan's JSON with the key `affected`: what the change touches, one target to a line, with its reasons."""
    rows = ",\n".join("    " + json.dumps(a.to_json(), ensure_ascii=False) for a in impact.affected)
    return plan.removesuffix("\n}\n") + f',\n  "affected": [\n{rows}\n  ]\n}}\n'


def explain_target(plan: Plan, options: argparse.Namespace) -> int:
    """Every value of one target with its place. Raises UsageError for a name of several targets, or of none."""
    from pipeline.plan import explain_target, matching

    from .instance_session import known_lock

    ids = matching(plan, [options.explain])
    if len(ids) > 1:
        some = ", ".join(ids[:4]) + (", …" if len(ids) > 4 else "")
        raise UsageError(
            f"--explain {options.explain}: {len(ids)} targets are called so, one is expected",
            hint=f"lockage plan --explain {ids[0]}",
            detail=some,
        )
    lock = known_lock(options).path
    name = lock.name if lock.parent.resolve() == options.root.resolve() else str(lock)
    explained = explain_target(plan, ids[0], lock=name)
    values = [one.to_json() for one in explained]
    if options.since_build:
        from .rebuild_reasons import as_text, since_build

        found = since_build(plan, ids[0], options)
        if options.json:
            output.data({"values": values, "since_build": found})
        else:
            output.out(_table(list(_rows(explained))) + "\n" + as_text(found))
    elif options.json:
        output.data(values)
    else:
        output.out(_table(list(_rows(explained))))
    return Exit.OK


def explain_path(plan: Plan, options: argparse.Namespace) -> int:
    """Which level of rootfs/ won a path, for every tag of the options. Raises UsageError where none has it."""
    from pipeline.plan import explain_rootfs, matching

    patterns = options.only or options.targets
    ids = matching(plan, patterns) if patterns else tuple(t.id for t in plan.targets)
    explained = explain_rootfs(plan, ids, options.explain_path)
    if options.json:
        output.data([one.to_json() for one in explained])
        return Exit.OK
    for one in explained:
        output.out(f"{one.name}  /{one.path}\n" + _table(list(_layers(one))))
    return Exit.OK


def _rows(explained: tuple[Explained, ...]) -> Iterator[tuple[str, ...]]:
    for one in explained:
        why = f"  ({one.why})" if one.why else ""
        yield one.key, _short(one.value), f"{one.location}{why}"
        for other in one.overrides:
            yield "", f"not {_short(other.value)}", str(other.location)


def _layers(one: ExplainedPath) -> Iterator[tuple[str, ...]]:
    if one.wins:
        yield "  wins", *_layer(one.wins)
    for layer in one.loses:
        yield "  loses", *_layer(layer)
    if one.hidden_by:
        yield "  because", one.hidden_by, "stands where a folder above it was"


def _layer(layer: RootfsLevel) -> tuple[str, str]:
    what = f"{layer.kind} {layer.mode:04o}"
    if layer.target is not None:
        what = f"link -> {layer.target}"
    elif layer.digest:
        what += f", {layer.size} bytes, {layer.digest[:19]}"
    return layer.origin, what


def _table(rows: list[tuple[str, ...]]) -> str:
    wide = [max(len(row[i]) for row in rows) for i in range(2)]
    return "".join(f"{row[0]:{wide[0]}}  {row[1]:{wide[1]}}  {row[2]}".rstrip() + "\n" for row in rows)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _WIDE else text[: _WIDE - 1] + "…"
