"""history: show who moved which tags of an environment when, and check it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import Exit
from pipeline.util.dataclass import dataclass

from ...arguments import flag, group, option, positional
from ...command import Command
from ...common_options import CommonOptions, RunOptions
from ...output import console

if TYPE_CHECKING:
    from pipeline.release.history import History
    from pipeline.state.ledger import LedgerEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryOptions:
    """What `history` understands."""

    common: CommonOptions = group(CommonOptions)
    image: str | None = positional(nargs="?", default=None, metavar="IMAGE", help="image (default: all)")
    environment: str = option("--env", metavar="ENV", required=True, help="environment whose tags were moved")
    check: bool = flag("--check", help="also compare every tag with where Lockage left it")


def history(options: HistoryOptions) -> int:
    """Print the entries, the newest first; exit code 7 when something is wrong with the ledger or a tag."""
    from ... import signals

    ledger = signals.run(partial(_history, options))
    entries = ledger.of_image(options.image)
    code = Exit.GATE if ledger.problems else Exit.OK
    if options.common.json:
        console.print_json(
            {
                "environment": ledger.environment,
                "entries": [entry.to_json() for entry in entries],
                "problems": list(ledger.problems),
                "exit_code": int(code),
            }
        )
    else:
        for entry in entries:
            _print(entry, options.image)
    for problem in ledger.problems:
        console.message(f"problem: {problem}")
    checked = ", every tag checked" if options.check else ""
    noun = "entry" if len(entries) == 1 else "entries"
    console.message(
        f"{len(entries)} {noun} of {ledger.environment}{checked}; {len(ledger.problems)} problems"
    )
    return int(code)


def _print(entry: LedgerEntry, image: str | None) -> None:
    act = entry.act
    parts = (str(entry.sequence), act.time, act.command, act.author, act.commit[:12], act.reason)
    state = "" if entry.complete else "  (interrupted)"
    console.print_line("  ".join(part for part in parts if part) + state)
    if act.plan:
        by = f", approved by {', '.join(act.approvers)}" if act.approvers else ""
        console.print_line(f"    plan {act.plan.removeprefix('sha256:')[:12]}{by}")
    for change in entry.changes:
        if image in (None, change.image):
            before, after = (end.short if end else "nothing" for end in (change.before, change.after))
            console.print_line(f"    {change.name}  {before} → {after}  {change.version}")


async def _history(options: HistoryOptions) -> History:
    from pipeline.release.environments import environment
    from pipeline.release.history import read_history

    from ...output.progress import Progress
    from ...planning.reader import PlanRequest
    from ...run_context import RunRequest, open_run

    plan = PlanRequest(options.common.root)
    with Progress() as report:
        request = RunRequest(plan, RunOptions(), environments=(options.environment,))
        async with open_run("history", request, report) as context:
            named = environment(context.plan.project.places, options.environment)
            return await read_history(context, named, check=options.check)


COMMANDS = {"history": Command(HistoryOptions, history)}
