"""What people see when a registry refuses: one error with its exit code, its cause and the next step; no secret."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path

import anyio
import pytest
from aiohttp import web

from pipeline.model import Repository
from pipeline.registry import Registry
from tests.registry import servers
from tests.registry.auth.test_tokens import ACCESS, HASHED
from tests.registry.auth.token_service import Service
from tests.registry.fault_proxy import faulty
from tests.registry.scripted_server import scripted
from tests.tools import warm

pytestmark = [pytest.mark.anyio, pytest.mark.real]

PUSH = ("artifact", "push")
FILE = "note.txt:text/plain"
HELPER = """#!/bin/sh
[ "$1" = get ] || exit 3
read -r host
echo "$host" >>"$0.asked"
echo '{"ServerURL":"'"$host"'","Username":"alice","Secret":"wonderland"}'
"""


async def lockage(folder: Path, *arguments: str, **env: str) -> warm.Ended:
    """The program, with nobody's credentials but those given."""
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("LOCKAGE_", "DOCKER_", "CI"))}
    environ = {**keep, "HOME": str(folder), **env}
    return await anyio.to_thread.run_sync(partial(warm.run, arguments, cwd=folder, env=environ))


async def refused(folder: Path, *arguments: str, code: int = 5, **env: str) -> str:
    """The one error of a command that fails; the same as data."""
    done = await lockage(folder, *arguments, **env)
    stderr = done.err
    assert done.code == code, stderr
    assert [line.partition(":")[0] for line in stderr.splitlines() if line[0] != " "] == ["error", "next"], (
        stderr
    )
    assert "Traceback" not in stderr and "wonderland" not in stderr and done.out == ""
    data = json.loads((await lockage(folder, *arguments, "--json", **env)).out)
    assert data["exit_code"] == code and data["error"]["hint"] in stderr and data["error"]["message"]
    return stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A home with a file to push."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "note.txt").write_text("hello")
    return home


def login(host: str, user: str, password: str) -> str:
    return json.dumps({"auths": {host: {"username": user, "password": password}}})


async def test_without_a_login_with_a_wrong_one_with_the_right_one(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "access.yml").write_text(ACCESS)
    with servers.olareg(tmp_path / "olareg", "--auth-basic", str(tmp_path / "access.yml")) as host:
        stderr = await refused(folder, *PUSH, f"{host}/team/note:1", FILE)
        assert "401 UNAUTHORIZED" in stderr and f"docker login {host}" in stderr
        wrong = login(host, "alice", "not-wonderful")
        stderr = await refused(folder, *PUSH, f"{host}/team/note:1", FILE, DOCKER_AUTH_CONFIG=wrong)
        assert "not-wonderful" not in stderr
        right = login(host, "alice", "wonderland")
        done = await lockage(folder, *PUSH, f"{host}/team/note:1", FILE, DOCKER_AUTH_CONFIG=right)
        assert done.code == 0, done.err


async def test_several_registries_each_with_its_own_credentials(folder: Path, tmp_path: Path) -> None:
    """A helper program for one, the configuration's file for another, the job's variables for a third."""
    program = tmp_path / "bin" / "docker-credential-site"
    program.parent.mkdir()
    program.write_text(HELPER)
    program.chmod(0o755)
    (tmp_path / "access.yml").write_text(ACCESS)
    (tmp_path / "htpasswd").write_text(f"alice:{HASHED}\n")
    extra = f"auth:\n  htpasswd: {{realm: test, path: {tmp_path / 'htpasswd'}}}\n"
    guard = ("--auth-basic", str(tmp_path / "access.yml"))
    with (
        servers.olareg(tmp_path / "one", *guard) as helped,
        servers.distribution(tmp_path / "two", extra) as filed,
        servers.olareg(tmp_path / "three", *guard) as varied,
    ):
        config = json.loads(login(filed, "alice", "wonderland")) | {"credHelpers": {helped: "site"}}
        (folder / ".docker").mkdir()
        (folder / ".docker" / "config.json").write_text(json.dumps(config))
        env = {
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "CI_REGISTRY": varied,
            "CI_REGISTRY_USER": "alice",
            "CI_REGISTRY_PASSWORD": "wonderland",
        }
        for host in (helped, filed, varied):
            done = await lockage(folder, *PUSH, f"{host}/team/note:1", FILE, **env)
            assert done.code == 0, done.err
        assert (program.parent / f"{program.name}.asked").read_text().split() == [helped]


async def test_an_expired_token(folder: Path, olareg: str) -> None:
    """A ready bearer token in the configuration that the registry takes no more."""
    async with faulty(olareg) as proxy:
        proxy.gate = Service(proxy.host).gate
        config = json.dumps({"auths": {proxy.host: {"registrytoken": "of-yesterday"}}})
        stderr = await refused(folder, *PUSH, f"{proxy.host}/note:1", FILE, DOCKER_AUTH_CONFIG=config)
    assert "401 UNAUTHORIZED" in stderr and "still valid" in stderr and "of-yesterday" not in stderr


async def test_what_is_not_there(folder: Path, host: str) -> None:
    for reference in (f"{host}/nowhere/app:1", f"{host}/nowhere/app@sha256:{'0' * 64}"):
        stderr = await refused(folder, "artifact", "pull", reference, "--output", "out")
        assert f"{reference} does not exist" in stderr
    assert not (folder / "out").exists()


async def test_content_that_the_registry_has_spoilt(folder: Path, tmp_path: Path) -> None:
    """One byte on the registry's own disk: refused, and nothing is written."""
    with servers.distribution(tmp_path / "spoilt") as host:
        done = await lockage(folder, *PUSH, f"{host}/note:1", FILE)
        assert done.code == 0, done.err
        assert spoil(tmp_path / "spoilt" / "data") == 1
        stderr = await refused(folder, "artifact", "pull", f"{host}/note:1", "--output", "out")
    assert "does not match its digest" in stderr and not (folder / "out").exists()


def spoil(data: Path) -> int:
    blobs = [path for path in data.rglob("data") if path.read_bytes() == b"hello"]
    for blob in blobs:
        blob.write_bytes(b"jello")
    return len(blobs)


async def test_read_only(folder: Path, tmp_path: Path) -> None:
    with servers.distribution(tmp_path / "kept") as host:
        assert (await lockage(folder, *PUSH, f"{host}/note:1", FILE)).code == 0
    readonly = "  maintenance: {readonly: {enabled: true}}\n"
    with servers.distribution(tmp_path / "kept", storage=readonly) as host:
        done = await lockage(folder, "artifact", "pull", f"{host}/note:1", "--output", "out")
        assert done.code == 0, done.err
        stderr = await refused(folder, *PUSH, f"{host}/note:2", FILE)
        assert ": 405" in stderr and "read-only" in stderr
        async with Registry() as registry:
            assert await registry.tags(Repository(host, "note")) == ["1"]


@pytest.mark.skipif(os.geteuid() != 0, reason="a small file system of its own can only be mounted by root")
async def test_a_full_disk(folder: Path, tmp_path: Path) -> None:
    large = folder / "large"
    large.write_bytes(os.urandom(4_000_000))
    with servers.distribution(tmp_path / "small", space="1m") as host:
        stderr = await refused(folder, *PUSH, f"{host}/note:1", "large:application/x-large")
        assert "no space left" in stderr
        async with Registry() as registry:
            assert await registry.tags(Repository(host, "note")) == []


async def test_nobody_there(folder: Path) -> None:
    host = f"localhost:{servers.free_port()}"
    stderr = await refused(folder, "artifact", "show", f"{host}/note:1")
    assert f"cannot reach {host}" in stderr and "lockage up" in stderr


async def test_a_proxy_with_a_password_that_refuses(folder: Path) -> None:
    async with scripted(lambda request: web.Response(status=403)) as proxy:
        env = {"HTTPS_PROXY": f"http://site:wonderland@{proxy.host}"}
        stderr = await refused(folder, "artifact", "show", "registry.invalid/note:1", **env)
        assert proxy.host in stderr
    env = {"HTTPS_PROXY": "http://site:wonderland@proxy.lan:99999"}
    stderr = await refused(folder, "artifact", "show", "registry.invalid/note:1", code=2, **env)
    assert "HTTPS_PROXY" in stderr
