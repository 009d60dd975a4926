"""Which of several targets that are ready to be built comes first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.plan import Target


def build_ranks(targets: Sequence[Target]) -> dict[str, int]:
    """By target id, how many targets come before it."""
    return {target.id: rank for rank, target in enumerate(most_dependents_first(targets))}


def most_dependents_first(targets: Sequence[Target]) -> list[Target]:
    """Targets with the longest chain of dependents first; of these, those with the longest chain of bases; otherwise in
    the order given. `targets` has bases before dependents, as every plan.

    A run takes at least as long as its longest chain. Targets without dependents fill the gaps, and those that are
    ready soonest, because they have few bases, fill the last ones.
    """
    dependents = {target.id: 0 for target in targets}
    bases = dict(dependents)
    for target in targets:
        bases[target.id] = max((bases.get(base, 0) + 1 for base in target.internal_bases), default=0)
    for target in reversed(targets):
        for base in target.internal_bases:
            dependents[base] = max(dependents.get(base, 0), dependents[target.id] + 1)
    return sorted(targets, key=lambda target: (-dependents[target.id], -bases[target.id]))
