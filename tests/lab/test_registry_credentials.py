"""The embedded registry belongs to its instance: without its credentials nobody reads or writes."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from pipeline import lab
from pipeline.errors import EnvironmentProblem
from pipeline.lab import LabSettings, daemons
from pipeline.lab.namespaces.registry import LabRegistry
from pipeline.lab.registry_credentials import (
    docker_config_folder,
    ensure_credentials,
    read_credentials,
    registry_hosts,
)
from pipeline.lab.settings import StepCallback, quiet
from pipeline.model import Digest, Repository
from pipeline.registry import Access, ClientSettings, Registry, RequestFailed
from tests.tools.programs import program

from .conftest import Story, other_lease

ONCE = ClientSettings(attempts=1, connect_attempts=1)


def up(settings: LabSettings, report: StepCallback = quiet) -> str:
    """Start the registry alone; gives its host."""
    return anyio.run(partial(lab.up, settings, report, registry_only=True)).registry


async def write(host: str, access: Access) -> Digest:
    async with Registry(access, ONCE) as registry:
        return (await registry.put_blob(Repository(host, "prod/app"), b"x")).digest


async def ping(host: str, access: Access) -> None:
    async with Registry(access, ONCE) as registry:
        await registry.ping(host)
        assert registry.stats.total == 1, "no request without credentials comes before"


def crane(config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(program("crane")), *arguments]
    environ = {"PATH": os.environ["PATH"], "DOCKER_CONFIG": str(config)}
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


def modes(folder: Path) -> dict[str, str]:
    """The files below a folder that name the registry's user or are named after its credentials."""
    names = ("registry.password", "registry-users.yml", "docker", "docker/config.json")
    return {name: oct(stat.S_IMODE((folder / name).lstat().st_mode)) for name in names}


def test_nobody_else_reads_or_writes(make_settings: Callable[..., LabSettings], tmp_path: Path) -> None:
    own, other = make_settings("own"), make_settings("other")
    host = up(own)
    up(other)
    stolen = {host: next(iter(registry_hosts(other).values()))}
    for access in (Access(), Access(stolen)):
        for attempt in (write, ping):
            with pytest.raises(RequestFailed) as refused:
                anyio.run(attempt, host, access)
            assert refused.value.fault.status == 401
    for name in (host, host.replace("localhost", "127.0.0.1")):
        digest = anyio.run(write, name, Access(registry_hosts(own)))
        anyio.run(ping, name, Access(registry_hosts(own)))
    blob = f"{host}/prod/app@{digest}"
    assert crane(docker_config_folder(own), "blob", blob).stdout == "x"
    assert "UNAUTHORIZED" in crane(tmp_path, "blob", blob).stderr


def test_where_the_password_is(settings: LabSettings) -> None:
    """In files of this user's alone; not on a command line, nor in an environment, a record or a log."""
    host = up(settings)
    secret = ensure_credentials(settings)
    assert modes(settings.data) == {
        "registry.password": "0o600",
        "registry-users.yml": "0o600",
        "docker": "0o700",
        "docker/config.json": "0o600",
    }
    known = {settings.data / "registry.password", settings.data / "docker/config.json"}
    auth = json.loads((settings.data / "docker/config.json").read_text())["auths"][host]["auth"]
    for path in settings.data.rglob("*"):
        if path.is_file() and path not in known:
            content = path.read_bytes()
            assert secret.password.encode() not in content and auth.encode() not in content, path
    record = LabRegistry(settings).state()[1]
    assert record is not None
    for name in ("cmdline", "environ"):
        assert secret.password.encode() not in Path(f"/proc/{record.pid}/{name}").read_bytes()
    assert secret.password not in repr(secret) + repr(registry_hosts(settings))


def test_they_stay(settings: LabSettings, story: Story) -> None:
    host, before = up(settings), ensure_credentials(settings)
    config = (docker_config_folder(settings) / "config.json").read_text()
    anyio.run(partial(lab.down, settings))
    assert up(settings, story) == host and ensure_credentials(settings) == before
    assert (docker_config_folder(settings) / "config.json").read_text() == config
    line_count = len(story.lines)
    up(settings, story)
    assert len(story.lines) == line_count, "nothing to do"


def test_a_lost_password_is_replaced(settings: LabSettings, story: Story) -> None:
    host, before = up(settings), ensure_credentials(settings)
    (settings.data / "registry.password").unlink()
    (docker_config_folder(settings) / "config.json").write_text("{}")
    assert up(settings, story) == host
    assert ensure_credentials(settings) != before
    assert "does not ask for this instance's credentials" in str(story)
    digest = anyio.run(write, host, Access(registry_hosts(settings)))
    assert crane(docker_config_folder(settings), "blob", f"{host}/prod/app@{digest}").stdout == "x"


@contextmanager
def earlier_version(settings: LabSettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A registry as it was started before there were credentials."""
    with monkeypatch.context() as earlier:
        spawn = daemons.spawn

        def without_credentials(argv: list[str], **more: Any) -> subprocess.Popen[bytes]:
            host, port = argv[2].split(":")
            command = [str(program("olareg")), "serve", "--addr", host, "--port", port, "--dir", argv[4]]
            return spawn(command, **more)

        earlier.setattr(daemons, "spawn", without_credentials)
        up(settings)
    record = LabRegistry(settings).state()[1]
    assert record is not None
    daemons.write(LabRegistry(settings).record_file, daemons.record_of(record.pid, "olareg-0") or record)
    for name in ("registry.password", "registry-users.yml", "docker/config.json"):
        (settings.data / name).unlink()
    yield


def test_an_instance_of_an_earlier_version(
    settings: LabSettings, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is restarted with one sentence once nobody uses it, and keeps its content."""
    with earlier_version(settings, monkeypatch):
        host = f"localhost:{json.loads((settings.data / 'registry.json').read_text())['port']}"
        digest = anyio.run(write, host, Access())
    pid = LabRegistry(settings).state()[1]
    with other_lease(settings):
        assert up(settings, story) == host
        assert LabRegistry(settings).state()[1] == pid
        assert "lockage up` restarts it once nobody uses it" in str(story)
        anyio.run(write, host, Access(registry_hosts(settings)))
    story.lines.clear()
    assert up(settings, story) == host
    assert [line for line in story.lines if "its content is kept" in line], story.lines
    with pytest.raises(RequestFailed):
        anyio.run(ping, host, Access())
    assert anyio.run(write, host, Access(registry_hosts(settings))) == digest


@pytest.mark.parametrize("name", ["registry.password", "docker"])
def test_never_through_a_link(settings: LabSettings, tmp_path: Path, name: str) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "file").write_text("known\n")
    settings.data.mkdir(parents=True, mode=0o700)
    (settings.data / name).symlink_to(victim / "file" if "." in name else victim)
    with pytest.raises(EnvironmentProblem, match=name) as refused:
        up(settings)
    assert "rm -r" in (refused.value.hint or "")
    assert sorted(victim.iterdir()) == [victim / "file"] and (victim / "file").read_text() == "known\n"


def test_before_the_first_start_there_are_none(settings: LabSettings) -> None:
    assert read_credentials(settings) is None and registry_hosts(settings) == {}
    assert not settings.data.exists()
