"""Arguments of the Dagger module for this instance, as variables that the `.env` beside dagger.json names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipeline.lab.seed import Site

from .signing_key import signing_key


def module_variables(
    registry: str, site: Site | None, data: Path, environ: Mapping[str, str]
) -> dict[str, str]:
    """Registry, mirrors and keys of an instance; secret halves of keys as addresses, never as content.

    Raises UsageError and EnvironmentProblem as `signing_key`, which generates a key pair where there is none.
    """
    public = signing_key(environ, data).public.decode()
    if environ.get("COSIGN_PRIVATE_KEY"):
        private, password = "env://COSIGN_PRIVATE_KEY", "env://COSIGN_PASSWORD"
    else:
        private, password = (f"file://{data / 'keys' / name}" for name in ("cosign.key", "password"))
    mirrors = site.mirrors if site else {}
    return {
        "LOCKAGE_REGISTRY": f"tcp://{registry}",
        "LOCKAGE_MIRRORS": ",".join(f"{host}={address}" for host, address in mirrors.items()),
        "LOCKAGE_PRIVATE_KEY": private,
        "LOCKAGE_PASSWORD": password,
        "LOCKAGE_PUBLIC_KEY": public,
    }
