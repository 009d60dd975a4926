"""Runs tools that must see nothing but their input: no network, no credentials.

`with_exec` cannot take the network away; a Dockerfile's `RUN --network=none` can. So such a step is a small
Dockerfile: the tool's image, the inputs bound read-only at /in, one RUN for each command, results in /out. Data is
bound read-only as well. (Never `--mount=type=bind,rw`: engine 0.21.8 crashes on it. Never COPY: it copies for each
step, and hashes the tool's whole image.)
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import field
from types import MappingProxyType
from typing import TYPE_CHECKING

import anyio

from pipeline.errors import BuildError
from pipeline.model import Reference
from pipeline.util.dataclass import dataclass

from .faults import explained

if TYPE_CHECKING:
    import dagger

TOOL_SECONDS = 1800.0
"""How long a tool may take for one image; the largest take a few minutes."""
_HEADER = """\
FROM {image}
USER 0
ENV HOME=/tmp TMPDIR=/tmp
WORKDIR /tmp
WORKDIR /out
"""


@dataclass(frozen=True, slots=True)
class CacheFolder:
    """A folder that steps of this engine with the same `id` share, one at a time; it may be empty at any time."""

    id: str
    path: str

    @property
    def mount(self) -> str:
        """The option of RUN that mounts it."""
        return f"--mount=type=cache,id={self.id},target={self.path},sharing=locked"


@dataclass(frozen=True, slots=True)
class OfflineStep:
    """A tool's image and the commands to run in it, in exec form.

    `data` are folders by the path at which the tool reads them; it needs no other file but its input.
    """

    image: Reference
    commands: Sequence[Sequence[str]]
    data: Mapping[str, dagger.Directory] = field(default_factory=lambda: MappingProxyType({}))
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    cache: CacheFolder | None = None

    def dockerfile(self) -> str:
        """The step as text; in exec form, no shell is needed and nothing is expanded."""
        lines = [_HEADER.format(image=self.image)]
        lines += [f"ENV {name}={json.dumps(value)}\n" for name, value in self.environment.items()]
        mounts = ["--mount=type=bind,source=in,target=/in"]
        mounts += [f"--mount=type=bind,source=data{path},target={path}" for path in self.data]
        mounts += [self.cache.mount] if self.cache else []
        options = " ".join(["--network=none", *mounts])
        lines += [f"RUN {options} {json.dumps(list(command))}\n" for command in self.commands]
        return "".join(lines)


def run_offline(
    client: dagger.Client, step: OfflineStep, inputs: Mapping[str, dagger.File | str]
) -> dagger.Directory:
    """What the commands of a step wrote to /out; `inputs` are files or texts by their path in /in. Lazy: nothing runs
    before a file of it is requested."""
    context = client.directory()
    for path, folder in step.data.items():  # what most steps share comes first: the engine keeps each state
        context = context.with_directory(f"data{path}", folder)
    context = context.with_new_file("Dockerfile", step.dockerfile())
    for name, content in inputs.items():
        if isinstance(content, str):
            context = context.with_new_file(f"in/{name}", content)
        else:
            context = context.with_file(f"in/{name}", content)
    return context.docker_build().directory("/out")


async def read_output(out: dagger.Directory, name: str, doing: str, *, limit: float = TOOL_SECONDS) -> bytes:
    """A file that the commands of a step wrote; the first one that is requested runs them.

    Raises BuildError for a command that fails, or that has not ended after `limit` seconds; EnvironmentProblem.
    """
    try:
        with anyio.fail_after(limit), explained(doing):
            return (await out.file(name).contents()).encode()
    except TimeoutError:
        raise BuildError(
            f"{doing}: no end after {limit:.0f} s",
            hint="run again; if it hangs again, tools: of lockage.yml can name another version",
        ) from None
