"""What a change touches: since a commit, or by a list of names; and the part of a plan that this leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.plan import matching

from ..git.history import CATALOGUE_PATHS, entries_at
from ..output import console
from .changed_names import read_names

if TYPE_CHECKING:
    from pipeline.plan import Impact, Plan

    from ..common_options import TargetSelection


def find_impact(root: Path, selection: TargetSelection, plan: Plan) -> Impact:
    """What the change that a selection names touches in the whole plan. Raises UsageError, EnvironmentProblem."""
    from pipeline.plan import affected_by, affected_since

    if selection.affected is not None:
        return affected_since(plan, entries_at(root, selection.affected))
    assert selection.changed_files_from is not None
    names = read_names(root, selection.changed_files_from)
    in_catalogue = [name for name in names if name.split("/", 1)[0] in CATALOGUE_PATHS]
    if names and not in_catalogue:
        console.message(
            f"none of {len(names)} names is in the catalogue: names start at the folder of lockage.yml"
        )
    return affected_by(plan, in_catalogue)


def restrict(plan: Plan, impact: Impact, patterns: tuple[str, ...]) -> Plan:
    """The affected targets of a plan, of these patterns where there are any, with their bases. Raises UsageError."""
    from pipeline.plan import restricted

    affected = {target.id for target in impact.affected}
    selected = matching(plan, patterns) if patterns else (target.id for target in plan.targets)
    return restricted(plan, affected.intersection(selected))


def print_impact(impact: Impact) -> None:
    """What a change touches beside targets of the plan, on stderr."""
    for note in impact.notes:
        console.message(f"note: {note}")
    for target_id in impact.removed:
        console.message(f"no longer there: {target_id}")
    if not impact.affected:
        console.message("nothing is affected")


def with_affected(plan: str, impact: Impact) -> str:
    """A plan's JSON with the key `affected`: what the change touches, one target a line, with its reasons."""
    rows = ",\n".join("    " + json.dumps(a.to_json(), ensure_ascii=False) for a in impact.affected)
    return plan.removesuffix("\n}\n") + f',\n  "affected": [\n{rows}\n  ]\n}}\n'
