"""What the scanner knows of layers stays in the engine: it changes no report, and a broken one costs nothing."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import anyio
import pytest

from pipeline.engine.image import archive
from pipeline.engine.offline import OfflineStep, read_output, run_offline
from pipeline.engine.scan import GivenImage, Scanner
from pipeline.engine.session import Login, log_in
from pipeline.errors import BuildError
from pipeline.lab import LabSettings
from pipeline.model import Reference
from tests.real.site import Site
from tests.tools import logins

pytestmark = pytest.mark.real


def test_what_it_knows_of_layers_is_kept_and_a_broken_cache_is_left_out(site: Site) -> None:
    async def work() -> None:
        async with scanner(site) as (scans, base):
            image = scans.client.container().from_(str(base))
            first, again = [
                findings((await scans.scan(GivenImage(archive(labelled(image))), "base")).image)
                for _ in range(2)
            ]
            known = await in_the_cache(scans, base, "wc -c < /own/cache/fanal/fanal.db")
            assert int(known) > 1000
            assert first == again

            await in_the_cache(scans, base, "echo no database > /own/cache/fanal/fanal.db")
            assert findings((await scans.scan(GivenImage(archive(labelled(image))), "base")).image) == first

    anyio.run(work)


def test_a_tool_that_hangs_or_fails_is_ended_and_named(site: Site) -> None:
    async def work() -> None:
        async with scanner(site) as (scans, shell):

            async def run(command: str, limit: float) -> bytes:
                given = {"once": secrets.token_hex(8)}
                step = OfflineStep(shell, [["/bin/sh", "-c", command]])
                out = run_offline(scans.client, step, given)
                return await read_output(out, "said", "scanning app", limit=limit)

            assert await run("echo ready > /out/said", 300) == b"ready\n"
            with pytest.raises(BuildError, match="scanning app: no end after 3 s"):
                await run("sleep 600", 3)
            with pytest.raises(BuildError, match="scanning app") as failed:
                await run("echo out of ideas >&2; exit 7", 300)
            assert "out of ideas" in str(failed.value.detail)
            assert await run("echo still > /out/said", 300) == b"still\n", "the engine serves others"

    anyio.run(work)


def labelled(image: Any) -> Any:
    """The image with the same layers and another digest, so that the engine scans it as well."""
    return image.with_label("try", secrets.token_hex(8))


def findings(report: bytes) -> list[tuple[str, str]]:
    """What was found, in which package."""
    results = json.loads(report)["Results"]
    found = [(v["VulnerabilityID"], v["PkgName"]) for r in results for v in r.get("Vulnerabilities") or ()]
    assert found
    return found


async def in_the_cache(scans: Scanner, shell: Reference, command: str) -> str:
    """What a shell command says that sees the scanner's cache."""
    assert scans.layers
    step = OfflineStep(shell, [["/bin/sh", "-c", f"({command}) > /out/said"]], cache=scans.layers)
    given = {"once": secrets.token_hex(8)}
    return await run_offline(scans.client, step, given).file("said").contents()


@asynccontextmanager
async def scanner(site: Site) -> AsyncIterator[tuple[Scanner, Reference]]:
    """A scanner on the site's engine, with its data and a cache of its own, and the site's Debian."""
    import dagger

    site.run("up")
    variables = site.run("env", "--json").json
    mirrors = dict(mirror.split("=", 1) for mirror in variables["LOCKAGE_MIRRORS"].split(","))
    tool = Reference.parse(f"{mirrors['docker.io']}/aquasec/trivy:0.74.0")
    base = Reference.parse(f"{mirrors['docker.io']}/library/debian:bookworm-slim")
    folder = LabSettings.from_env(site.env).cache / "trivy-db"
    data = next(path for path in folder.iterdir() if (path / "trivy.db").is_file())
    auths = json.loads((Path(logins.variable()["DOCKER_CONFIG"]) / "config.json").read_text())
    with patch.dict(os.environ, {**variables, **logins.variable()}):
        async with dagger.connection(dagger.Config()):
            client = dagger.dag
            host, _, _ = mirrors["docker.io"].partition("/")
            user, password = base64.b64decode(auths["auths"][host]["auth"]).decode().split(":", 1)
            await log_in(client, [Login(host, user, password)])
            cache = secrets.token_hex(8)
            yield Scanner(client, tool, client.host().directory(str(data)), cache), base
