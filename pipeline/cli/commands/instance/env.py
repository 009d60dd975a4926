"""env: variables for the dagger CLI and the module: `eval "$(lockage env)"`, then `dagger call …`."""

from __future__ import annotations

import os
import shlex
from functools import partial
from typing import TYPE_CHECKING

from pipeline.errors import Exit
from pipeline.util.dataclass import dataclass

from ...arguments import flag, group
from ...command import Command
from ...common_options import CommonOptions
from ...output import console

if TYPE_CHECKING:
    from pipeline.lab import Instance


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvOptions:
    """What `env` understands."""

    common: CommonOptions = group(CommonOptions)
    docker_config: bool = flag(
        "--docker-config", help="also DOCKER_CONFIG, which lets docker, crane or cosign use the registry"
    )


def env(options: EnvOptions) -> int:
    """Print the variables as shell exports, or as JSON."""
    from ... import signals

    instance, variables = signals.run(partial(_env, options.docker_config))
    if options.common.json:
        console.print_json(variables)
        return Exit.OK
    for name, value in variables.items():
        console.print_text(f"export {name}={shlex.quote(value)}\n")
    if instance.dagger_bin:
        console.print_text(f'export PATH={shlex.quote(str(instance.dagger_bin.parent))}:"$PATH"\n')
    return Exit.OK


async def _env(docker_config: bool) -> tuple[Instance, dict[str, str]]:
    from pipeline import lab
    from pipeline.lab.registry_credentials import docker_config_folder
    from pipeline.lab.settings import LabSettings

    from ...instance.module_variables import module_variables
    from ...instance.site import ensure_site
    from ...output.progress import Progress

    settings, report = LabSettings.from_env(os.environ), Progress()
    instance = await lab.up(settings, report.step)
    site = await ensure_site(settings, instance.registry, report)
    variables = module_variables(instance, site, settings, os.environ)
    if docker_config:
        variables["DOCKER_CONFIG"] = str(docker_config_folder(settings))
    return instance, {**instance.connect_env(), **variables}


COMMANDS = {"env": Command(EnvOptions, env)}
