"""A plan in n shards for n runners: each target in exactly one, chains of bases kept together if possible.

Targets that are based on each other belong to one shard. If there are fewer such families than shards, the largest is
split after the bases that its members share: the shared bases go with the first piece, and the other runners take them
from the repository of builds, or build them too. A single chain is never split.
"""

from __future__ import annotations

from collections.abc import Sequence

from .plan import Plan


def shard(plan: Plan, number: int, count: int) -> tuple[str, ...]:
    """Ids of shard `number` (from 1) of `count`, in plan order; the same for the same plan on every machine.

    A shard is empty if there are more shards than families. Raises ValueError for an impossible number.
    """
    if not 1 <= number <= count:
        raise ValueError(f"shard {number}/{count}: must be from 1/{count} to {count}/{count}")
    bases = {t.id: tuple(b for b in t.internal_bases if b in plan.by_id) for t in plan.targets}
    parts: list[list[str]] = [[] for _ in range(count)]
    for family in sorted(_families(bases, count), key=lambda ids: (-len(ids), ids[0])):
        min(parts, key=len).extend(family)
    chosen = set(parts[number - 1])
    return tuple(id for id in bases if id in chosen)


def _families(bases: dict[str, tuple[str, ...]], count: int) -> list[list[str]]:
    divisible = connected(bases, list(bases))
    indivisible: list[list[str]] = []
    while divisible and len(divisible) + len(indivisible) < count:
        divisible.sort(key=lambda ids: (len(ids), ids[0]))
        largest = divisible.pop()
        pieces = _cut(bases, largest)
        (divisible if len(pieces) > 1 else indivisible).extend(pieces)
    return divisible + indivisible


def _cut(bases: dict[str, tuple[str, ...]], family: list[str]) -> list[list[str]]:
    """Split a family after its lowest layers, as soon as the rest falls apart; those layers go with the first
    piece."""
    lowest: list[str] = []
    rest = set(family)
    while rest:
        roots = [id for id in family if id in rest and not rest.intersection(bases[id])]
        lowest += roots
        rest -= set(roots)
        pieces = connected(bases, [id for id in family if id in rest])
        if len(pieces) > 1:
            return [lowest + pieces[0], *pieces[1:]]
    return [family]


def connected(bases: dict[str, tuple[str, ...]], ids: Sequence[str]) -> list[list[str]]:
    """The ids in groups that share no base; `ids` are in build order."""
    leader: dict[str, str] = {}

    def find(id: str) -> str:
        while leader[id] != id:
            leader[id] = leader[leader[id]]
            id = leader[id]
        return id

    for id in ids:
        leader[id] = id
        for base in bases[id]:
            if base in leader:
                leader[find(base)] = find(id)
    groups: dict[str, list[str]] = {}
    for id in ids:
        groups.setdefault(find(id), []).append(id)
    return list(groups.values())
