"""BuildKit as a peer: the daemon that the lab compiles, in namespaces like those of the lab's engine.

It gets the same root file system with the same runc, the same user-mode network and the same name server; in place
of the engine's program there is a script that becomes `buildkitd`. Nothing of the host's is changed.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio

from pipeline.engine.buildkit.order import BuildOrder, frontend_options, output
from pipeline.errors import LockageError
from pipeline.lab import LabSettings, daemons, ensure
from pipeline.lab.engine.config import proxy_variables
from pipeline.lab.engine.image import ensure_engine_image
from pipeline.lab.namespaces.sandbox import Sandbox, check_requirements, launch, sweep
from pipeline.lab.settings import quiet
from tests.bench.clock import Command, Failed, Sample
from tests.tools import logins

_PATIENCE = 60.0  # seconds for starting, and for ending
_SOCKET = "buildkitd.sock"
_ENTRY = f"""#!/bin/sh
exec buildkitd --root /var/lib/dagger --addr unix:///run/dagger/{_SOCKET} --oci-worker-net=host --oci-worker-gc=false
"""


@dataclass(frozen=True, slots=True)
class Peer:
    """A daemon that answers: its process 1, the name of its sandbox, how long it took to start, and its client."""

    pid: int
    sandbox: str
    started: float
    client: Path
    address: str

    def build(self, context: Path, order: BuildOrder) -> Built:
        """Build a folder with a Dockerfile as ordered, and push the image by digest. Raises Failed with buildctl's
        last words."""
        metadata_file = context.with_name(f"{context.name}.json")
        argv = [self.client, "--addr", self.address, "build", "--progress", "rawjson"]
        argv += ["--frontend", "dockerfile.v0", "--metadata-file", metadata_file]
        argv += ["--local", f"context={context}", "--local", f"dockerfile={context}"]
        for name, value in frontend_options(order).items():
            argv += ["--opt", f"{name}={value}"]
        argv += ["--output", output(order)]
        environ = {"PATH": os.environ["PATH"], "HOME": str(metadata_file.parent), **logins.variable()}
        sample = Command(argv, environ, metadata_file.parent).run()
        return Built(json.loads(metadata_file.read_text())["containerimage.digest"], sample)


@dataclass(frozen=True, slots=True)
class Built:
    """The digest that was pushed, and what its client used."""

    digest: str
    sample: Sample


@contextmanager
def running(folder: Path, port: int, environ: Mapping[str, str]) -> Iterator[Peer]:
    """A daemon on an empty state in `folder`, a new one, which reaches the registry on `port`; stopped afterwards.

    Raises Failed when it does not come up.
    """
    settings = LabSettings.from_env(environ)
    try:
        anyio.run(check_requirements, settings, quiet)
        tools = anyio.run(ensure, "buildkit", settings)
        image = anyio.run(ensure_engine_image, settings, quiet)
    except LockageError as fault:
        raise Failed(f"{fault.message} ({fault.hint})") from None
    sandbox = Sandbox(
        name=f"lockage-bench-peer-{os.getpid()}",
        root=Path(f"{_over(folder, tools)}:{image.root}"),  # layers of an overlay, the upper first
        mount=folder / "mount",
        state=folder / "state",
        run=folder / "run",
        config=folder / "engine.json",
        log=folder / "log",
        ports=(port,),
        environ=proxy_variables(environ),
    )
    sandbox.config.write_text("{}")
    sweep(sandbox.name, sandbox.run)
    began = time.monotonic()
    record = anyio.run(launch, sandbox, "peer", settings)
    try:
        client, address = tools / "buildctl", f"unix://{sandbox.run}/{_SOCKET}"
        while not _answers(client, address):
            if not daemons.alive(record) or time.monotonic() - began > _PATIENCE:
                raise Failed(f"buildkitd does not answer\n{daemons.last_lines(sandbox.log)}")
            time.sleep(0.05)
        yield Peer(record.pid, sandbox.name, time.monotonic() - began, client, address)
    finally:
        anyio.run(partial(daemons.stop, record, signal.SIGTERM, limit=_PATIENCE))
        sweep(sandbox.name, sandbox.run)


def _over(folder: Path, tools: Path) -> Path:
    """What lies over the engine's root: the daemon, and a script where the engine's program is."""
    over = folder / "over"
    programs = over / "usr/local/bin"
    programs.mkdir(parents=True)
    shutil.copy2(tools / "buildkitd", programs / "buildkitd")
    (programs / "dagger-engine").write_text(_ENTRY)
    (programs / "dagger-engine").chmod(0o755)
    return over


def _answers(client: Path, address: str) -> bool:
    argv = [str(client), "--addr", address, "--timeout", "1", "debug", "info"]
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0
