"""BuildKit itself, with the configuration that fallbacks give: it asks the registry first, them where that fails."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest
from aiohttp import web

from pipeline.engine.buildkit import DaemonConfig
from pipeline.model import Fallbacks, Reference, Repository
from pipeline.registry import Registry
from tests.registry import images, servers
from tests.registry.fault_proxy import Proxy, faulty
from tests.tools.ports import free_port
from tests.tools.programs import program

pytestmark = [
    pytest.mark.real,
    pytest.mark.anyio,
    pytest.mark.skipif(os.geteuid() != 0, reason="BuildKit's daemon mounts: root's"),
]

IMAGE = Reference.parse("docker.io/moby/buildkit:v0@sha256:" + "a" * 64)


@dataclass
class Builder:
    """BuildKit's daemon, and the two registries that it may ask."""

    address: str
    folder: Path
    environ: Mapping[str, str]
    primary: Proxy
    fallback: Proxy

    async def build(self, image: images.Image) -> None:
        """Build what copies a file onto an image of the primary, by digest."""
        context = self.folder / "context"
        context.mkdir(exist_ok=True)
        base = Repository(self.primary.host, "acme/base").at(image.index.digest)
        (context / "Dockerfile").write_text(f"FROM {base}\nCOPY Dockerfile /\n")
        self.primary.asked.clear()
        self.fallback.asked.clear()
        argv = [str(program("buildkit", "buildctl")), "--addr", self.address, "build", "--no-cache"]
        argv += [
            "--frontend",
            "dockerfile.v0",
            "--local",
            f"context={context}",
            "--local",
            f"dockerfile={context}",
        ]
        done = await anyio.run_process(argv, env=dict(self.environ), check=False)
        assert done.returncode == 0, done.stderr.decode()[-2000:]


@pytest.fixture
async def builder(olareg: str, distribution: str, tmp_path: Path) -> AsyncIterator[Builder]:
    """A daemon as runs configure theirs, as far as registries go; nothing that it builds has a RUN, so that the runtime
    has only to be there."""
    runtime = tmp_path / "runc"
    runtime.write_text("#!/bin/sh\n")
    runtime.chmod(0o755)
    async with faulty(olareg) as primary, faulty(distribution) as fallback:
        fallbacks = Fallbacks(f"{primary.host}/acme", (f"{fallback.host}/acme",))
        plain = frozenset({primary.host, fallback.host})
        toml = DaemonConfig(IMAGE, plain_http=plain, fallbacks=fallbacks.by_host).toml()
        config = tmp_path / "buildkitd.toml"
        config.write_text(toml[toml.index("[registry.") :])
        environ = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
        port = free_port()
        address = f"tcp://127.0.0.1:{port}"
        argv = ["unshare", "--mount", str(program("buildkit", "buildkitd")), "--addr", address]
        argv += [
            "--root",
            str(tmp_path / "root"),
            "--config",
            str(config),
            "--oci-worker-snapshotter",
            "native",
        ]
        argv += ["--oci-worker-net", "host"]
        with servers.running(argv, port, tmp_path / "log", environ):
            yield Builder(address, tmp_path, environ, primary, fallback)
        shutil.rmtree(tmp_path / "root")


async def test_a_base_is_read_from_the_fallback_only_where_the_registry_fails(
    builder: Builder, olareg: str, distribution: str, registry: Registry
) -> None:
    here, there = Repository(olareg, "acme/base"), Repository(distribution, "acme/base")
    both, lost, unreachable = (images.image(f"fallback {seed}", platforms=("linux/amd64",)) for seed in "123")
    await images.push(registry, here, both, "both")
    for image in (both, lost, unreachable):
        await images.push(registry, there, image, image.index.digest.short)
    await builder.build(both)
    assert builder.primary.asked and not builder.fallback.asked
    await builder.build(lost)
    assert builder.primary.asked and builder.fallback.asked

    async def down(request: web.Request) -> web.StreamResponse:
        return web.Response(status=503)

    builder.primary.gate = down
    await builder.build(unreachable)
    assert builder.primary.asked and builder.fallback.asked
