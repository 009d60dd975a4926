"""Dockerfiles by hadolint: all of a run in one call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipeline.errors import BuildError
from pipeline.model import Reference

from .faults import explained, tail

if TYPE_CHECKING:
    import dagger

BINARY = "/bin/hadolint"
_IN = "/in"


async def lint(client: dagger.Client, tool: Reference, dockerfiles: Mapping[str, str]) -> bytes:
    """Hadolint's JSON report on texts by file name. Raises BuildError."""
    import dagger

    folder = client.directory()
    for name, text in dockerfiles.items():
        folder = folder.with_new_file(name, text)
    command = [BINARY, "--no-fail", "--no-color", "--format", "json", *dockerfiles]
    with explained("linting Dockerfiles"):
        container = client.container().from_(str(tool)).with_mounted_directory(_IN, folder).with_workdir(_IN)
        done = container.with_exec(command, expect=dagger.ReturnType.ANY)
        output = await done.stdout()
        if await done.exit_code():
            raise BuildError(
                "linting Dockerfiles: hadolint failed", detail=tail(f"{output}\n{await done.stderr()}")
            )
    return output.encode()
