"""Which of several targets that are ready to be built comes first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.plan import Target


def most_dependents_first(targets: Sequence[Target]) -> list[Target]:
    """Targets with the longest chain of dependents first, otherwise in the order given; `targets` has bases before
    dependents, as every plan.

    A run takes at least as long as its longest chain; targets without dependents fill the gaps.
    """
    chain_length = {target.id: 0 for target in targets}
    for target in reversed(targets):
        for base in target.internal_bases:
            chain_length[base] = max(chain_length.get(base, 0), chain_length[target.id] + 1)
    return sorted(targets, key=lambda target: -chain_length[target.id])
