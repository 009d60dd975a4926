"""Why things are as they are, for people and machines: what a change touches, what a value comes from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.catalogue import Impact


def with_affected(plan: str, impact: Impact) -> str:
    """A plan's JSON with the key `affected`: what the change touches, one target to a line, with its reasons."""
    rows = ",\n".join("    " + json.dumps(a.to_json(), ensure_ascii=False) for a in impact.affected)
    return plan.removesuffix("\n}\n") + f',\n  "affected": [\n{rows}\n  ]\n}}\n'
