"""A summary of a key's inputs, and the difference between two sets of them, as lines for people."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterator, Mapping

from pipeline.util.json.canonical import compact
from pipeline.util.json.values import as_integer, as_list, as_optional_text, as_text

from ..keys import key_inputs
from ..plan import Plan

_LINES = 40  # maximum length of a Dockerfile's difference
_PATHS = 10  # maximum number of rootfs/ paths
_Entry = tuple[str, int, str | None]  # kind, mode, content digest or link target


def inputs_of(plan: Plan, target_id: str) -> dict[str, object] | None:
    """The inputs of a target's key. None where the target has no key."""
    target = plan.by_id[target_id]
    bases = (plan.by_id.get(base) for base in target.internal_bases)  # not all targets: each of them asks
    keys = {base.id: base.key for base in bases if base and base.key}
    return key_inputs(target, keys, builder=plan.builder)


def input_digests(inputs: Mapping[str, object]) -> dict[str, str]:
    """Each input by name: its value if short, otherwise `sha256:` and the first 12 digits of its digest."""
    out = {}
    for name, value in inputs.items():
        if isinstance(value, str | int) and len(str(value)) <= 100 and "\n" not in str(value):
            out[name] = str(value)
        else:
            data = value.encode() if isinstance(value, str) else compact(value)
            out[name] = f"sha256:{hashlib.sha256(data).hexdigest()[:12]}" if value else "none"
    return out


def key_difference(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    """Why two keys differ, from their inputs; empty if they do not."""
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


def _contexts(before: Mapping[str, object], now: Mapping[str, object]) -> Iterator[str]:
    for name in dict.fromkeys((*before, *now)):
        old, new = before.get(name), now.get(name)
        if isinstance(old, list) and isinstance(new, list):
            yield from _rootfs(old, new, f"context {name}: ")
        else:
            shown = [{name: "a folder" if isinstance(v, list) else v} if v else {} for v in (old, new)]
            yield from _mapping("context", *shown)


def _rootfs(before: list[object], now: list[object], prefix: str = "rootfs/") -> Iterator[str]:
    old, new = _entries(before), _entries(now)
    lines = []
    for path in sorted(old.keys() | new.keys()):
        if path not in new:
            lines.append(f"{prefix}{path} is gone")
        elif path not in old:
            lines.append(f"{prefix}{path} is new")
        elif old[path] != new[path]:
            lines.append(f"{prefix}{path} {_entry(old[path], new[path])}")
    yield from lines[:_PATHS]
    if len(lines) > _PATHS:
        yield f"and {len(lines) - _PATHS} more of {prefix.rstrip(': ')}"


def _entries(rows: list[object]) -> dict[str, _Entry]:
    """The entries that `key_inputs` lists, by path."""
    entries = {}
    for row in rows:
        path, kind, mode, content = as_list(row)
        entries[as_text(path)] = as_text(kind), as_integer(mode), as_optional_text(content)
    return entries


def _entry(before: _Entry, now: _Entry) -> str:
    old_kind, old_mode, old_content = before
    kind, mode, content = now
    if old_kind != kind:
        return f"is a {kind}, was a {old_kind}"
    if old_mode != mode:
        also = "" if old_content == content else ", and other content"
        return f"has mode {mode:04o}, had {old_mode:04o}{also}"
    return f"leads to {content}, led to {old_content}" if kind == "link" else "has other content"


def _mapping(name: str, before: Mapping[str, object], now: Mapping[str, object]) -> Iterator[str]:
    for key in dict.fromkeys((*before, *now)):
        if key not in now:
            yield f"{name} {key} is gone"
        elif key not in before:
            yield f"{name} {key} is {now[key]}, was not there"
        elif before[key] != now[key]:
            yield f"{name} {key} is {now[key]}, was {before[key]}"
