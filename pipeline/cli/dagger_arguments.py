"""Arguments of the Dagger module for this machine, as variables that the `.env` beside dagger.json names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipeline.lab.seed import Site

from .signing_key import signing


def module_variables(
    registry: str, site: Site | None, data: Path, environment: Mapping[str, str]
) -> dict[str, str]:
    """Registry, mirrors and keys of an instance; the keys' secret halves as addresses, never as content.

    Raises UsageError as `signing` does, which makes the instance's own key pair where there is none.
    """
    public = signing(environment, data).public.decode()
    if environment.get("COSIGN_PRIVATE_KEY"):
        private, password = "env://COSIGN_PRIVATE_KEY", "env://COSIGN_PASSWORD"
    else:
        private, password = (f"file://{data / 'keys' / name}" for name in ("cosign.key", "password"))
    return {
        "LOCKAGE_REGISTRY": f"tcp://{registry}",
        "LOCKAGE_MIRRORS": ",".join(f"{host}={address}" for host, address in site.mirrors.items())
        if site
        else "",
        "LOCKAGE_PRIVATE_KEY": private,
        "LOCKAGE_PASSWORD": password,
        "LOCKAGE_PUBLIC_KEY": public,
    }
