"""down: stop this user's engine and registry."""

from __future__ import annotations

import os
from functools import partial

from pipeline.errors import Exit
from pipeline.util.dataclass import dataclass

from ...arguments import flag, group
from ...command import Command
from ...common_options import CommonOptions
from ...output import console
from .daemon import Daemon, daemon_argument


@dataclass(frozen=True, slots=True, kw_only=True)
class DownOptions:
    """What `down` understands."""

    common: CommonOptions = group(CommonOptions)
    daemon: Daemon | None = daemon_argument()
    force: bool = flag("--force", help="stop them even while a run uses them")


def down(options: DownOptions) -> int:
    """Stop what is named, unless a run uses it; all data is kept."""
    from pipeline import lab
    from pipeline.lab.settings import LabSettings

    from ... import signals
    from ...output.progress import Progress

    settings = LabSettings.from_env(os.environ)
    signals.run(partial(lab.down, settings, Progress().step, part=options.daemon, force=options.force))
    if options.common.json:
        console.print_json({"stopped": [options.daemon] if options.daemon else ["engine", "registry"]})
    return Exit.OK


COMMANDS = {"down": Command(DownOptions, down)}
