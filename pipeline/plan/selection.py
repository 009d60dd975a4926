"""Part of a plan: the requested targets, and all their bases."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase

from pipeline.errors import UsageError
from pipeline.util.suggest import did_you_mean

from .plan import Plan, Target


def matching(plan: Plan, patterns: Iterable[str]) -> tuple[str, ...]:
    """Ids of the targets that patterns match, in plan order.

    A pattern is an image (`python`), an image with a tag or alias (`python:3`), or a target's id
    (`python/3.11.2/linux-amd64`); `*` and `?` match any text. Raises `UsageError` for one that matches nothing.
    """
    chosen: set[str] = set()
    for pattern in patterns:
        ids = [target.id for target in plan.targets if _matches(target, pattern)]
        if not ids:
            known = {name for target in plan.targets for name in _names(target)}
            hint = did_you_mean(pattern, known) or "`lockage plan` lists what there is"
            raise UsageError(f"no target is called {pattern!r}", hint=hint)
        chosen.update(ids)
    return tuple(target.id for target in plan.targets if target.id in chosen)


def select(plan: Plan, patterns: Iterable[str], *, dependencies: bool = True) -> Plan:
    """The plan of the targets that patterns match, with all their bases (unless `dependencies` is false)."""
    ids = matching(plan, patterns)
    return restricted(plan, ids) if dependencies else _only(plan, set(ids))


def restricted(plan: Plan, ids: Iterable[str]) -> Plan:
    """The plan of some targets, by id, with all their bases."""
    keep = set(ids)
    for target in reversed(plan.targets):
        if target.id in keep:
            keep.update(target.internal_bases)
    return _only(plan, keep)


def _only(plan: Plan, ids: set[str]) -> Plan:
    return replace(plan, targets=tuple(target for target in plan.targets if target.id in ids))


def _names(target: Target) -> tuple[str, ...]:
    return (
        target.image,
        target.id,
        *(f"{target.image}:{tag}" for tag in dict.fromkeys((target.tag, *target.tags))),
    )


def _matches(target: Target, pattern: str) -> bool:
    names = _names(target)
    if any(character in pattern for character in "*?["):
        return any(fnmatchcase(name, pattern) for name in names)
    return pattern in names
