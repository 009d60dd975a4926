"""status: how this user's engine and registry run; it changes nothing."""

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
    from pipeline.lab.daemons import DaemonStatus
    from pipeline.lab.settings import LabSettings
    from pipeline.lab.status import InstanceStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusOptions:
    """What `status` understands."""

    common: CommonOptions = group(CommonOptions)
    daemon: Daemon | None = daemon_argument()


def status(options: StatusOptions) -> int:
    """Print the state of daemons, builders, images and runs."""
    from pipeline.lab import status as lab_status
    from pipeline.lab.settings import LabSettings

    from ... import signals

    settings = LabSettings.from_env(os.environ)
    instance = signals.run(partial(lab_status.status, settings))
    if options.common.json:
        console.print_json(instance.to_json())
    else:
        _print(instance, settings, options.daemon)
    return Exit.OK


def _print(instance: InstanceStatus, settings: LabSettings, daemon: Daemon | None) -> None:
    backend = (
        f"{instance.backend.kind}: {instance.backend.why}"
        if instance.backend
        else f"none: {instance.problem}"
    )
    builders = [f"{lease.builder} for pid {lease.pid}" for lease in instance.leases if lease.builder]
    rows = [("backend", backend)]
    rows += [
        (each.name, _daemon(each))
        for each in (instance.registry, instance.engine)
        if daemon in (None, each.name)
    ]
    rows.append(("buildkit", "; ".join(builders) or "a service of the engine while something is built"))
    rows.append(("images", _images(settings)))
    rows += [("in use", str(lease)) for lease in instance.leases]
    rows += [("data", str(instance.data)), ("cache", str(instance.cache))]
    for name, text in rows:
        console.print_line(f"{name:<9} {text}")


def _daemon(daemon: DaemonStatus) -> str:
    silent = "does not answer" if daemon.answers is False else ""
    return "  ".join(filter(None, (str(daemon.state), daemon.address, daemon.runs_as, silent)))


def _images(settings: LabSettings) -> str:
    from pipeline.lab.seed import Site

    if Site.read(settings.data):
        return "stand-ins of the lab, by mirror (no publisher's registry answers, or LOCKAGE_IMAGES=lab)"
    return "from their publishers, unless the first run finds that they do not answer"


COMMANDS = {"status": Command(StatusOptions, status)}
