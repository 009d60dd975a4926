"""current: show where Lockage left each tag of an environment."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import Exit
from pipeline.util.dataclass import dataclass

from ...arguments import group, option, positional
from ...command import Command
from ...common_options import CommonOptions, RunOptions
from ...output import console

if TYPE_CHECKING:
    from pipeline.state.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentOptions:
    """What `current` understands."""

    common: CommonOptions = group(CommonOptions)
    image: str | None = positional(nargs="?", default=None, metavar="IMAGE", help="image (default: all)")
    environment: str = option("--env", metavar="ENV", required=True, help="environment whose tags are shown")


def current(options: CurrentOptions) -> int:
    """Print each tag with its digest and version, and what is pinned; by the ledger, in one request for each key."""
    from ... import signals

    ledger = signals.run(partial(_current, options))
    names = sorted(n for n in ledger.tags if options.image in (None, n.rpartition(":")[0]))
    tags = [
        {
            "image": name.rpartition(":")[0],
            "tag": name.rpartition(":")[2],
            "digest": str(position.digest) if position.digest else None,
            "version": position.version,
            "pending": position.pending,
        }
        for name in names
        for position in (ledger.tags[name],)
    ]
    pins = {i: reason for i, reason in sorted(ledger.pins.items()) if options.image in (None, i)}
    if options.common.json:
        console.print_json({"environment": options.environment, "tags": tags, "pins": pins})
        return Exit.OK
    for tag in tags:
        state = "  (interrupted)" if tag["pending"] else ""
        console.print_line(f"{tag['image']}:{tag['tag']}  {tag['digest']}  {tag['version']}{state}")
    for image, reason in pins.items():
        console.print_line(f"{image} is pinned: {reason}")
    entry = f"entry {ledger.newest.sequence}" if ledger.newest else "an empty ledger"
    console.message(f"{len(tags)} tags of {options.environment}, by {entry}")
    return Exit.OK


async def _current(options: CurrentOptions) -> Ledger:
    from pipeline.release.environments import environment
    from pipeline.state.ledger import load_ledger

    from ...output.progress import Progress
    from ...planning.reader import PlanRequest
    from ...run_context import RunRequest, open_run

    request = RunRequest(PlanRequest(options.common.root), RunOptions(), environments=(options.environment,))
    with Progress() as report:
        async with open_run("current", request, report) as context:
            named = environment(context.plan.project.places, options.environment)
            return await load_ledger(context.store(), named.name)


COMMANDS = {"current": Command(CurrentOptions, current)}
