"""Which of several targets that could be built now comes first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.plan import Target


def most_dependents_first(targets: Sequence[Target]) -> list[Target]:
    """Targets with the longest chain standing on them first, otherwise as they come; bases stand before dependents
    in `targets`, as in every plan.

    A run is as long as its longest chain at least; what nothing waits for fills the gaps.
    """
    chain = {target.id: 0 for target in targets}
    for target in reversed(targets):
        for base in target.internal_bases:
            chain[base] = max(chain.get(base, 0), chain[target.id] + 1)
    return sorted(targets, key=lambda target: -chain[target.id])
