"""up, down, status, env: the engine and the registry of this user."""

from __future__ import annotations

import argparse
import os
import shlex
from functools import partial

from pipeline import lab
from pipeline.errors import Exit
from pipeline.lab import status as lab_status
from pipeline.lab.settings import LabSettings

from .. import output, signals
from ..progress import Progress


def up(options: argparse.Namespace) -> int:
    """Start what is asked for; milliseconds if it runs already."""
    instance = signals.run(partial(_up, options))
    found = {"registry": instance.registry, "way": instance.backend.kind, "why": instance.backend.why}
    if instance.runner_host:
        found["engine"] = instance.runner_host
    if options.json:
        output.data(found)
    else:
        for name, value in found.items():
            output.out(f"{name:<9} {value}\n")
    return Exit.OK


async def _up(options: argparse.Namespace) -> lab.Instance:
    from ..instance_session import mirror

    settings, report = LabSettings.from_env(os.environ), Progress()
    instance = await lab.up(settings, report.step, part=options.daemon)
    await mirror(settings, instance.registry, report, renew=True)
    return instance


def down(options: argparse.Namespace) -> int:
    """Stop what is asked for, unless a run uses it; all data is kept."""
    settings = LabSettings.from_env(os.environ)
    signals.run(partial(lab.down, settings, Progress().step, part=options.daemon, force=options.force))
    if options.json:
        output.data({"stopped": [options.daemon] if options.daemon else ["engine", "registry"]})
    return Exit.OK


def status(options: argparse.Namespace) -> int:
    """How things are; looking changes nothing."""
    settings = LabSettings.from_env(os.environ)
    found = signals.run(partial(lab_status.status, settings))
    if options.json:
        output.data(found.to_json())
        return Exit.OK
    way = f"{found.backend.kind}: {found.backend.why}" if found.backend else f"none: {found.problem}"
    output.out(f"way       {way}\n")
    for one in (found.registry, found.engine):
        if options.daemon in (None, one.name):
            silent = "does not answer" if one.answers is False else ""
            words = (str(one.state), one.address, one.runs_as, silent)
            output.out(f"{one.name:<9} {'  '.join(w for w in words if w)}\n")
    builders = [f"{lease.builder} for pid {lease.pid}" for lease in found.leases if lease.builder]
    output.out(f"buildkit  {'; '.join(builders) or 'a service of the engine while something is built'}\n")
    output.out(f"images    {_images(settings)}\n")
    for lease in found.leases:
        output.out(f"in use    {lease}\n")
    output.out(f"data      {found.data}\ncache     {found.cache}\n")
    return Exit.OK


def _images(settings: LabSettings) -> str:
    from pipeline.lab.seed import Site

    if Site.read(settings.data):
        return "stand-ins of the lab, by mirror (no publisher's registry answers, or LOCKAGE_IMAGES=lab)"
    return "from their publishers, unless the first run finds that they do not answer"


def env(options: argparse.Namespace) -> int:
    """Variables for the dagger CLI and the module: `eval "$(lockage env)"`, then `dagger call …`."""
    instance, found = signals.run(_env)
    if options.json:
        output.data(found)
        return Exit.OK
    for name, value in found.items():
        output.out(f"export {name}={shlex.quote(value)}\n")
    if instance.dagger_bin:
        output.out(f'export PATH={shlex.quote(str(instance.dagger_bin.parent))}:"$PATH"\n')
    return Exit.OK


async def _env() -> tuple[lab.Instance, dict[str, str]]:
    from ..dagger_arguments import module_variables
    from ..instance_session import mirror

    settings, report = LabSettings.from_env(os.environ), Progress()
    instance = await lab.up(settings, report.step)
    site = await mirror(settings, instance.registry, report)
    variables = module_variables(instance.registry, site, settings.data, os.environ)
    return instance, {**instance.connect_env(), **variables}
