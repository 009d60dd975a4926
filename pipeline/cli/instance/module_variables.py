"""Arguments of the Dagger module for this instance, as variables that the `.env` beside dagger.json names."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.lab import Instance
from pipeline.lab.forwarding import registry_forward_file, write_registry_forward
from pipeline.lab.registry_credentials import docker_config_folder
from pipeline.lab.seed import Site
from pipeline.lab.settings import LabSettings

from ..author import author
from .signing_key import signing_key


def module_variables(
    instance: Instance, site: Site | None, settings: LabSettings, environ: Mapping[str, str]
) -> dict[str, str]:
    """Registry, mirrors and keys of an instance; secrets as addresses of files, never as content.

    Raises UsageError and EnvironmentProblem as `signing_key`, which generates a key pair where there is none.
    """
    data, docker_config = settings.data, docker_config_folder(settings)
    public = signing_key(environ, data).public.decode()
    if environ.get("COSIGN_PRIVATE_KEY"):
        private, password = "env://COSIGN_PRIVATE_KEY", "env://COSIGN_PASSWORD"
    else:
        private, password = (f"file://{data / 'keys' / name}" for name in ("cosign.key", "password"))
    mirrors = site.mirrors if site else {}
    forward = instance.forwards.get(int(instance.registry.rpartition(":")[2]))
    if forward:
        write_registry_forward(settings, instance.registry, forward)
        route = {"LOCKAGE_REGISTRY_FORWARD": f"file://{registry_forward_file(settings)}"}
    else:
        route = {"LOCKAGE_REGISTRY": f"tcp://{instance.registry}"}
    return {
        **route,
        "LOCKAGE_AUTHOR": author(environ),
        "LOCKAGE_REGISTRY_CONFIG": f"file://{docker_config / 'config.json'}",
        "LOCKAGE_MIRRORS": ",".join(f"{host}={address}" for host, address in mirrors.items()),
        "LOCKAGE_PRIVATE_KEY": private,
        "LOCKAGE_PASSWORD": password,
        "LOCKAGE_PUBLIC_KEY": public,
    }
