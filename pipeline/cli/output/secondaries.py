"""What became of environments at secondary registries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pipeline.errors import Exit

from . import console

if TYPE_CHECKING:
    from pipeline.run.secondary.follow import SecondaryResult
    from pipeline.util.json.values import AsData


def print_secondaries(results: Iterable[SecondaryResult], *, stdout: bool = False) -> Exit:
    """The tags that moved there, and what ended it; on stderr, the tags with `stdout` as data. Gives the exit code."""
    code = Exit.OK
    for one in results:
        for move in one.moves:
            (console.print_line if stdout else console.message)(str(move))
        if one.fault:
            code = min(code or one.fault.exit_code, one.fault.exit_code)
            console.message(f"{one.environment} is behind; a later run brings it up to date")
            console.print_error(one.fault, as_json=False)
    return code


def print_with_secondaries(changes: Sequence[AsData], results: Sequence[SecondaryResult]) -> Exit:
    """Changes of environments, then those at secondary registries, as one list of JSON. Gives the exit code."""
    console.print_json([one.to_json() for one in (*changes, *results)])
    return min((one.fault.exit_code for one in results if one.fault), default=Exit.OK)
