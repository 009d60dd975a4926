"""Part of a plan: what was asked for, and everything it stands on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase

from pipeline.errors import UsageError
from pipeline.util.suggest import did_you_mean

from .plan import Plan, Target


def matching(plan: Plan, patterns: Iterable[str]) -> tuple[str, ...]:
    """Ids of the targets that patterns name, in plan order.

    A pattern is an image (`python`), an image with a tag or alias (`python:3`), or a target's id
    (`python/3.11.2/linux-amd64`); `*` and `?` stand for any text. Raises `UsageError` for one that names nothing.
    """
    chosen: set[str] = set()
    for pattern in patterns:
        found = [t.id for t in plan.targets if _matches(t, pattern)]
        if not found:
            known = {
                n for t in plan.targets for n in (t.image, t.id, *(f"{t.image}:{tag}" for tag in t.tags))
            }
            hint = did_you_mean(pattern, known) or "`lockage plan` lists what there is"
            raise UsageError(f"no target is called {pattern!r}", hint=hint)
        chosen.update(found)
    return tuple(t.id for t in plan.targets if t.id in chosen)


def select(plan: Plan, patterns: Iterable[str], *, dependencies: bool = True) -> Plan:
    """The plan of what patterns name, with everything it stands on (unless `dependencies` is false)."""
    keep = set(matching(plan, patterns))
    if dependencies:
        for target in reversed(plan.targets):
            if target.id in keep:
                keep.update(target.internal_bases)
    return replace(plan, targets=tuple(t for t in plan.targets if t.id in keep))


def _matches(target: Target, pattern: str) -> bool:
    names = (target.image, target.id, *(f"{target.image}:{tag}" for tag in (target.tag, *target.tags)))
    if any(character in pattern for character in "*?["):
        return any(fnmatchcase(name, pattern) for name in names)
    return pattern in names
