"""up: start this user's engine and registry."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import Exit

from ...arguments import group
from ...command import Command
from ...common_options import CommonOptions
from ...output import console
from .daemon import Daemon, daemon_argument

if TYPE_CHECKING:
    from pipeline.lab import Instance


@dataclass(frozen=True, slots=True, kw_only=True)
class UpOptions:
    """What `up` understands."""

    common: CommonOptions = group(CommonOptions)
    daemon: Daemon | None = daemon_argument()


def up(options: UpOptions) -> int:
    """Start what is named; milliseconds if it runs already."""
    from ... import signals

    instance = signals.run(partial(_up, options.daemon))
    rows = {"registry": instance.registry, "way": instance.backend.kind, "why": instance.backend.why}
    if instance.runner_host:
        rows["engine"] = instance.runner_host
    if options.common.json:
        console.print_json(rows)
    else:
        for name, value in rows.items():
            console.print_line(f"{'backend' if name == 'way' else name:<9} {value}")
    return Exit.OK


async def _up(daemon: Daemon | None) -> Instance:
    from pipeline import lab
    from pipeline.lab.settings import LabSettings

    from ...instance.site import ensure_site
    from ...output.progress import Progress

    settings, report = LabSettings.from_env(os.environ), Progress()
    instance = await lab.up(settings, report.step, part=daemon)
    await ensure_site(settings, instance.registry, report, refresh=True)
    return instance


COMMANDS = {"up": Command(UpOptions, up)}
