"""Tools that must see nothing but their input: no network, no credentials, secrets only as files in memory.

`with_exec` cannot take the network away; a Dockerfile's `RUN --network=none` can. So such a step is a small
Dockerfile: the tool's image, the evidence bound read-only at /in, one RUN for each command, results in /out.
What a tool wants to write to is copied to /own first. (Never `--mount=type=bind,rw`: engine 0.21.8 crashes on it.)
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.model import Reference

if TYPE_CHECKING:
    import dagger

_HEADER = """\
FROM {image}
USER 0
ENV HOME=/tmp TMPDIR=/tmp
WORKDIR /tmp
COPY own/ /own/
WORKDIR /out
"""


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A secret that a command reads: as a file (`target`) or a variable (`variable`), never as an argument."""

    secret: dagger.Secret
    name: str
    target: str | None = None
    variable: str | None = None

    @property
    def mount(self) -> str:
        """The `--mount` of a RUN that brings it in."""
        where = f"target={self.target}" if self.target else f"env={self.variable}"
        return f"--mount=type=secret,id={self.name},required=true,{where}"


def dockerfile(
    image: Reference,
    commands: Sequence[Sequence[str]],
    environment: Mapping[str, str],
    mounts: Sequence[str] = (),
) -> str:
    """The step as text; commands in exec form, so that no shell is needed and nothing is expanded."""
    lines = [_HEADER.format(image=image)]
    lines += [f"ENV {name}={json.dumps(value)}\n" for name, value in environment.items()]
    options = " ".join(["--network=none", "--mount=type=bind,source=in,target=/in", *mounts])
    lines += [f"RUN {options} {json.dumps(list(command))}\n" for command in commands]
    return "".join(lines)


def results(
    client: dagger.Client,
    image: Reference,
    inputs: dagger.Directory,
    commands: Sequence[Sequence[str]],
    *,
    own: dagger.Directory | None = None,
    environment: Mapping[str, str] | None = None,
    secrets: Sequence[SecretFile] = (),
) -> dagger.Directory:
    """What the commands wrote to /out. Lazy: nothing runs before a file of it is asked for."""
    text = dockerfile(image, commands, environment or {}, [s.mount for s in secrets])
    context = client.directory().with_new_file("Dockerfile", text).with_directory("in", inputs)
    context = context.with_directory("own", own or client.directory())
    return context.docker_build(secrets=[s.secret for s in secrets]).directory("/out")
