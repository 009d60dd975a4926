"""Dockerfiles by hadolint: all of a run in one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.model import Reference

from .faults import explained, tail

if TYPE_CHECKING:
    import dagger

BINARY = "/bin/hadolint"
_IN = "/in"


class LinterFailed(Exception):
    """Hadolint itself failed, as it does on some Dockerfiles; its last lines."""


async def lint(
    client: dagger.Client, tool: Reference, folder: dagger.Directory, names: Sequence[str]
) -> bytes:
    """Hadolint's JSON report on files of a folder. Raises LinterFailed, BuildError."""
    import dagger

    command = [BINARY, "--no-fail", "--no-color", "--format", "json", *names]
    with explained("linting Dockerfiles"):
        container = client.container().from_(str(tool)).with_mounted_directory(_IN, folder).with_workdir(_IN)
        done = container.with_exec(command, expect=dagger.ReturnType.ANY)
        output = await done.stdout()
        if await done.exit_code():
            raise LinterFailed(tail(f"{output}\n{await done.stderr()}".strip()))
    return output.encode()
