"""A run inside a call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.config import Environment
from pipeline.release.environments import destinations, without_dirty
from pipeline.run import RunResult, Stage, run
from pipeline.run.summary import problems, table
from pipeline.util.dataclass import dataclass

from .calls import Refused, json_text, report
from .context import run_context

if TYPE_CHECKING:
    from pipeline.run import RunContext

    from .argument_values import ModuleArguments, Selection


@dataclass(frozen=True, slots=True)
class Finished:
    """The result of a run, and its context as long as registry and engine are open."""

    context: RunContext
    result: RunResult

    def require(self) -> None:
        """Raises Refused unless everything succeeded and all gates are open."""
        outcome(self.result, as_json=False)


@asynccontextmanager
async def finished(
    given: ModuleArguments, until: Stage, selection: Selection, to: str = ""
) -> AsyncIterator[Finished]:
    """A run up to a stage. Raises LockageError for what prevents a run; what fails in it is in the result."""
    async with run_context(given, report, selection, signs=until.number >= Stage.SIGN.number) as context:
        wanted, notes = tuple[Environment, ...](), tuple[str, ...]()
        if until is Stage.PROMOTE:
            wanted = destinations(context.plan.project.environments, to or None)
            wanted, notes = without_dirty(context, wanted, named=bool(to))
        yield Finished(context, replace(await run(context, until, wanted), notes=notes))


def outcome(result: RunResult, as_json: bool) -> str:
    """A result as text. Raises Refused for a failure or a closed gate."""
    text = json_text(result.to_json()) if as_json else table(result)
    if result.exit_code:
        raise Refused(f"{result.exit_code.name.lower()}: {problems(result)}\n\n{text}")
    return text
