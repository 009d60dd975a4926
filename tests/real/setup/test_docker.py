"""The README's first command where there is Docker: Debian's daemon in a network of the test's own.

Docker changes the packet filter of the network it runs in. Here that is a namespace with user-mode networking,
so the daemon has its usual rules and the machine keeps its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.lab.docker.dockerd import MORTAL, daemon, programs
from tests.real import samples
from tests.real.conftest import checkout
from tests.real.site import ROOT, Site
from tests.tools.programs import debian

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        os.geteuid() != 0 or sys.platform != "linux", reason="makes a network namespace: root's"
    ),
]

_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
_INHERIT = Path("/proc/sys/net/core/devconf_inherit_init_net")


@contextmanager
def network() -> Iterator[list[str]]:
    """A network namespace that reaches the world by slirp4netns; gives the command prefix that enters it."""
    holder = subprocess.Popen([*MORTAL, "unshare", "--net", "sleep", "infinity"])
    try:
        prefix = ["nsenter", "--target", str(holder.pid), "--net"]
        ours = Path("/proc/self/ns/net").readlink()
        wait_for(lambda: Path(f"/proc/{holder.pid}/ns/net").readlink() != ours)
        slirp = subprocess.Popen(
            [*MORTAL, "slirp4netns", "--configure", "--mtu=65520", str(holder.pid), "tap0"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for(lambda: b"tap0\t00000000" in routes(holder.pid))
            yield prefix
        finally:
            slirp.terminate()
            slirp.wait()
    finally:
        holder.terminate()
        holder.wait()


def routes(pid: int) -> bytes:
    """The routes of a process's network."""
    return Path(f"/proc/{pid}/net/route").read_bytes()


def wait_for(ready: object, seconds: float = 120) -> None:
    """Until something is so; a bound against hanging, not a measure of speed."""
    deadline = time.monotonic() + seconds
    while not ready():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.1)


@dataclass(frozen=True)
class Machine:
    """A network with a Docker daemon in it: the command prefix that enters it, and docker's environment."""

    prefix: list[str]
    environ: dict[str, str]

    def run(self, *command: str, cwd: Path = ROOT, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a command in that network."""
        env = {**self.environ, **environ}
        return subprocess.run(
            [*self.prefix, *command], cwd=cwd, env=env, capture_output=True, text=True, check=False
        )


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A daemon with its usual rules, for the tests of this file."""
    folder = tmp_path_factory.mktemp("docker")
    docker = programs(folder, "dockerd", "iptables")
    debian(slirp4netns="slirp4netns")
    with network() as prefix, daemon(folder, docker, prefix=prefix) as environ:
        yield Machine(prefix, environ)


def variables(tmp_path: Path) -> dict[str, str]:
    """Lockage's own, with a home of the test's own; the program finds Docker by itself."""
    site = Site(tmp_path / "home")
    return {k: v for k, v in site.env.items() if k.startswith("LOCKAGE_")} | {"LOCKAGE_ENGINE": ""}


def test_the_first_command_with_docker(machine: Machine, tmp_path: Path, clone: Path) -> None:
    lockage = partial(machine.run, "./lockage", cwd=clone, **variables(tmp_path))
    try:
        done = lockage("run")
        assert done.returncode == 0, done.stderr
        assert all(" verified " in row for row in done.stdout.splitlines()[1:])
        status = lockage("status")
        assert "docker: Docker" in status.stdout and "container lockage-default-engine" in status.stdout
        again = lockage("run")
        assert "Nothing to do" in again.stderr and "engine not started" in again.stderr
    finally:
        down = lockage("down", "--force")
    assert down.returncode == 0, down.stderr
    assert machine.run("docker", "ps", "--quiet").stdout == ""


def test_no_build_and_no_test_connects_to_the_registry(machine: Machine, tmp_path: Path) -> None:
    """By the addresses of this machine, of Docker's network, and of the engine's, whatever lockage.yml grants."""
    lockage = partial(machine.run, str(ROOT / "lockage"), **variables(tmp_path))
    try:
        port = json.loads(lockage("up", "--json", cwd=ROOT).stdout)["registry"].partition(":")[2]
        own = machine.run("hostname", "--all-ip-addresses").stdout.split()
        template = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        registry = machine.run("docker", "inspect", "--format", template, "lockage-default-registry").stdout
        names = (
            "127.0.0.1",
            "localhost",
            "host.docker.internal",
            "lockage-default-registry",
            registry.strip(),
        )
        networks = [f"10.{net}.0.{n}" for net in (85, 86) for n in range(1, 40)]
        hosts = [*names, *networks, "10.87.0.1", *(address for address in own if ":" not in address)]
        files = samples.knocking([f"{host}:{port}" for host in hosts])
        root = checkout(tmp_path / "project", __name__, files, samples.GRANTED)
        done = lockage("test", "--json", cwd=root)
        assert done.returncode == 0, done.stdout + done.stderr
        assert {target["status"] for target in json.loads(done.stdout)["targets"]} == {"built"}
    finally:
        down = lockage("down", "--force")
    assert down.returncode == 0, down.stderr


def test_a_machine_that_forwards_nothing(machine: Machine, tmp_path: Path) -> None:
    """The engine's network forwards all the same, which nobody inside may change: /proc/sys is read-only there."""
    lockage = partial(machine.run, "./lockage", **variables(tmp_path), LOCKAGE_INSTANCE="unforwarded")
    with no_forwarding(machine):
        try:
            up = lockage("up")
            assert up.returncode == 0, up.stderr
            engine = ("docker", "exec", "lockage-unforwarded-engine")
            assert machine.run(*engine, "cat", str(_FORWARD)).stdout == "1\n"
        finally:
            down = lockage("down", "--force")
        assert down.returncode == 0, down.stderr
        assert machine.run("cat", str(_FORWARD)).stdout == "0\n"


@contextmanager
def no_forwarding(machine: Machine) -> Iterator[None]:
    """The test's network forwards nothing, nor does a network that is made in it.

    A new network has the values of the machine's own, whatever those are, unless the kernel is told to take them from
    the network of whoever makes it. That is the same for everybody else on this machine meanwhile.
    """
    if not _INHERIT.exists() and _FORWARD.read_text().strip() != "0":
        pytest.skip("this kernel gives every network this machine's forwarding, which is on")
    inherit = _INHERIT.read_text() if _INHERIT.exists() else ""
    forward = machine.run("cat", str(_FORWARD)).stdout
    try:
        if inherit:
            _INHERIT.write_text("3\n")
        machine.run("sh", "-c", f"echo 0 > {_FORWARD}")
        assert machine.run("unshare", "--net", "cat", str(_FORWARD)).stdout == "0\n"
        yield
    finally:
        machine.run("sh", "-c", f"echo {forward.strip()} > {_FORWARD}")
        if inherit:
            _INHERIT.write_text(inherit)


def test_the_site_of_the_tests_is_the_labs(site: Site) -> None:
    """The two ways are different ones: what the other tests use is not Docker."""
    assert site.run("status", "--json", cwd=ROOT).json["way"]["kind"] == "lab"
