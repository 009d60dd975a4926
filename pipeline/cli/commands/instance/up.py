"""up: start this user's engine and registry."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import Exit
from pipeline.util.dataclass import dataclass

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
    backend = instance.backend
    engine = {"engine": instance.runner_host} if instance.runner_host else {}
    if options.common.json:
        console.print_json({"registry": instance.registry, "way": backend.kind, "why": backend.why, **engine})
    else:
        rows = {"registry": instance.registry, "backend": backend.kind, "why": backend.why, **engine}
        for name, value in rows.items():
            console.print_text(f"{name:<9} {value}\n")
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
