"""A key's inputs in short, and what differs between two sets of them, in lines for people."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.util.canonical_json import compact

from ..keys import key_inputs
from ..plan import Plan

_LINES = 40  # of a Dockerfile's difference
_PATHS = 10  # of rootfs/


def inputs_of(plan: Plan, target_id: str) -> dict[str, Any] | None:
    """What the key of a target covers. None where the target has no key."""
    keys = {t.id: t.key for t in plan.targets if t.key}
    return key_inputs(plan.by_id[target_id], keys, builder=plan.builder)


def input_digests(inputs: Mapping[str, Any]) -> dict[str, str]:
    """Each input by name: itself where it is short, else `sha256:` and the first 12 digits of its digest."""
    out = {}
    for name, value in inputs.items():
        if isinstance(value, str | int) and len(str(value)) <= 100 and "\n" not in str(value):
            out[name] = str(value)
        else:
            data = value.encode() if isinstance(value, str) else compact(value)
            out[name] = f"sha256:{hashlib.sha256(data).hexdigest()[:12]}" if value else "none"
    return out


def key_difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Why two keys are not the same, from their inputs; empty where they are."""
    out: list[str] = []
    for name in dict.fromkeys((*old, *new)):
        before, now = old.get(name), new.get(name)
        if before == now:
            continue
        if name == "dockerfile" and isinstance(before, str) and isinstance(now, str):
            out += _dockerfile(before, now)
        elif name == "rootfs" and isinstance(before, list) and isinstance(now, list):
            out += _rootfs(before, now)
        elif name == "contexts" and isinstance(before, Mapping) and isinstance(now, Mapping):
            out += _contexts(before, now)
        elif isinstance(before, Mapping) and isinstance(now, Mapping):
            out += _mapping(name.removesuffix("s"), before, now)
        elif before is None or now is None:
            out.append(f"{name} is {'no input any more' if now is None else 'an input now'}")
        else:
            out.append(f"{name} is {now}, was {before}")
    return out


def _dockerfile(before: str, now: str) -> Iterator[str]:
    lines = list(
        difflib.unified_diff(before.splitlines(), now.splitlines(), "before", "now", lineterm="", n=1)
    )
    yield "the Dockerfile differs:"
    yield from (f"  {line}" for line in lines[2 : 2 + _LINES])
    if len(lines) > 2 + _LINES:
        yield f"  and {len(lines) - 2 - _LINES} more lines"


def _contexts(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name in dict.fromkeys((*before, *now)):
        old, new = before.get(name), now.get(name)
        if isinstance(old, list) and isinstance(new, list):
            yield from _rootfs(old, new, f"context {name}: ")
        else:
            said = [{name: "a folder" if isinstance(v, list) else v} if v else {} for v in (old, new)]
            yield from _mapping("context", *said)


def _rootfs(before: list[list[Any]], now: list[list[Any]], where: str = "rootfs/") -> Iterator[str]:
    old, new = ({entry[0]: entry[1:] for entry in side} for side in (before, now))
    said = []
    for path in sorted(old.keys() | new.keys()):
        if path not in new:
            said.append(f"{where}{path} is gone")
        elif path not in old:
            said.append(f"{where}{path} is new")
        elif old[path] != new[path]:
            said.append(f"{where}{path} {_entry(old[path], new[path])}")
    yield from said[:_PATHS]
    if len(said) > _PATHS:
        yield f"and {len(said) - _PATHS} more of {where.rstrip(': ')}"


def _entry(before: list[Any], now: list[Any]) -> str:
    if before[0] != now[0]:
        return f"is a {now[0]}, was a {before[0]}"
    if before[1] != now[1]:
        return f"has mode {now[1]:04o}, had {before[1]:04o}" + (
            "" if before[2] == now[2] else ", and other content"
        )
    return f"leads to {now[2]}, led to {before[2]}" if now[0] == "link" else "has other content"


def _mapping(name: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for key in dict.fromkeys((*before, *now)):
        if key not in now:
            yield f"{name} {key} is gone"
        elif key not in before:
            yield f"{name} {key} is {now[key]}, was not there"
        elif before[key] != now[key]:
            yield f"{name} {key} is {now[key]}, was {before[key]}"
