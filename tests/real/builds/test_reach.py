"""What RUN can reach: the outside, and nothing of the site, its registry or its daemons."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.real import samples
from tests.real.processes import Running, buildkitd
from tests.real.site import Site

from .held import end, going, held, sleeping, wake
from .test_inputs import traces

pytestmark = pytest.mark.real

# Who answers on which port, in one go: `host:port open`, or why not; nothing for those that never answer.
KNOCK = """\
import asyncio, sys
async def knock(host, port):
    try:
        await asyncio.wait_for(asyncio.open_connection(host.strip("[]"), int(port)), 6)
        print(f"{host}:{port} open")
    except TimeoutError:
        pass
    except OSError as fault:
        print(f"{host}:{port} {fault.errno}")
async def main():
    await asyncio.gather(*(knock(*where.rsplit(":", 1)) for where in sys.argv[1:]))
asyncio.run(main())
"""


# What RUN can reach


def test_run_reaches_the_outside_and_nothing_of_the_site(site: Site, project: Callable[..., Path]) -> None:
    """Neither by default nor on the "host's" network, which lockage.yml grants, whatever privileges it has besides."""
    ask = "exec 3<>/dev/tcp/deb.debian.org/80; printf 'HEAD / HTTP/1.0\\r\\n\\r\\n' >&3; head -1 <&3"
    files = held("00")
    files["images/a/Dockerfile.tmpl"] = (
        f'{samples.DEBIAN}RUN bash -c "{ask}" > /etc/outside 2>&1; ls -aR /run > /etc/run; '
        f"sleep 600 || echo {uuid.uuid4()}\n"
    )
    for name, number, option in (("b", "01", ""), ("c", "02", " --security=insecure")):
        files[f"images/{name}/image.yml"] = samples.image("1.0.0", extra=f"description: {name}\n")
        files[f"images/{name}/Dockerfile.tmpl"] = (
            f'{samples.DEBIAN}RUN --network=host{option} bash -c "{ask}" > /etc/outside 2>&1; '
            f"sleep 6{number} || echo {uuid.uuid4()}\n"
        )
    refused = site.run("build", cwd=project(files), expect=3)
    assert "images/b/Dockerfile.tmpl:2" in refused.err and "entitlements" in refused.err
    granted = "entitlements: {b: [network.host], c: [network.host, security.insecure]}\n"
    root = project(files, more=granted)
    port = site.registry.rpartition(":")[2]
    networks = ("10.87.0", "10.86.0", "10.85.0", "10.0.2")
    inside = [f"{network}.{n}" for network in networks for n in range(1, 255)]
    own = own_addresses()
    hosts = ("127.0.0.1", "[::1]", "169.254.169.254", *own, *inside)
    with going(site, root, "build", "--jobs", "3") as build:
        runs = sleeping(site, "00", "01", "02")
        (daemon,) = buildkitd(site)
        way = forwarded(daemon, port)
        assert knock(daemon, [f"127.0.0.1:{port}"]) == {f"127.0.0.1:{port}": "open"}
        places = [way, *(f"{host}:{p}" for host in hosts for p in (port, "1234"))]
        with answering(runs[1]) as address:  # the others' bridge
            assert knock(runs[2], [address]) == {address: "open"}
            answers = [knock(runs[0], [*places, address]), *(knock(run, places) for run in runs[1:])]
        outside = [Path(f"/proc/{run.pid}/root/etc/outside").read_text() for run in runs]
        gone = {*own} - {
            *own_addresses()
        }  # another test's network: what is routed to the outside may answer there
        left = Path(f"/proc/{runs[0].pid}/root/etc/run").read_text()
        sockets = [p for run in runs for p in Path(f"/proc/{run.pid}/root/run").rglob("*") if p.is_socket()]
        hidden = not any(Path(f"/proc/{run.pid}/root/run/buildkit").exists() for run in runs)
        variables = "".join(Path(f"/proc/{run.pid}/environ").read_text() for run in runs)
        wake(runs)
        done = end(build)
    assert done.code == 0, done.err

    for found in answers:
        reached = {where for where, what in found.items() if what == "open"}
        assert {where for where in reached if where.rpartition(":")[0] not in gone} == set()
        assert [where for where in found if where.startswith("10.87.") or where in (way, address)] == [], (
            "not even refused"
        )
    assert "buildkit" not in left and hidden and not sockets
    assert "LOCKAGE" not in variables and "AWS" not in variables
    if outside_answers():
        assert all(text.startswith("HTTP/") for text in outside), outside


def test_no_build_and_no_test_connects_to_the_registry(site: Site, project: Callable[..., Path]) -> None:
    """By no name and no address, whatever lockage.yml grants: every image is built only if nobody answers."""
    names = ("127.0.0.1", "localhost", "10.0.2.2", "host.docker.internal", "gateway.docker.internal")
    networks = [f"10.{net}.0.{n}" for net in (85, 86, 87) for n in range(1, 40)]
    own = [address for address in own_addresses() if ":" not in address]
    port = site.registry.rpartition(":")[2]
    addresses = [f"{host}:{port}" for host in (*names, *networks, *own)]
    root = project(samples.knocking(addresses), more=samples.GRANTED)
    done = site.run("test", "--json", cwd=root)
    assert {t["status"] for t in done.json["targets"]} == {"built"}, done.err


def test_an_instruction_of_the_daemon_is_refused(site: Site, project: Callable[..., Path]) -> None:
    """ADD fetches in the daemon's network, and has no credentials of the registry."""
    address = f"http://{site.registry}/v2/mirror/docker.io/library/debian/tags/list"
    root = project({"images/a/image.yml": samples.image("1.0.0"), "images/a/Dockerfile.tmpl": samples.DEBIAN})
    (root / "images/a/Dockerfile.tmpl").write_text(f"{samples.DEBIAN}ADD {address} /tags\n")
    refused = site.run("build", cwd=root, expect=6)
    assert "401" in refused.err, refused.err


def test_the_registrys_password_is_nowhere(site: Site, project: Callable[..., Path]) -> None:
    """While something is built: on no command line, in no environment; afterwards: in no file, log or answer."""
    password = (site.data / "registry.password").read_text().strip()
    config = json.loads((site.data / "docker/config.json").read_text())
    secrets = {password, config["auths"][site.registry]["auth"]}
    root = project(held("60"))
    with going(site, root, "build", "--json") as build:
        runs = sleeping(site, "60")
        seen = [*Path("/proc").glob("[0-9]*/cmdline"), *Path("/proc").glob("[0-9]*/environ")]
        shown = [str(path) for path in seen if any(s.encode() in _content(path) for s in secrets)]
        wake(runs)
        done = end(build)
    assert done.code == 0 and not shown, (shown, done.err)
    printed = done.out + done.err
    for command in (["status", "--json"], ["env"], ["env", "--json", "--docker-config"], ["plan", "--json"]):
        printed += site.run(*command, cwd=root).out
    assert not any(secret in printed for secret in secrets)
    known = {str(site.data / "registry.password"), str(site.data / "docker/config.json")}
    assert {*traces(site.data, *secrets), *traces(root, *secrets)} <= known


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it has ended
        return b""


def own_addresses() -> list[str]:
    """The addresses of this machine's interfaces."""
    done = subprocess.run(["hostname", "--all-ip-addresses"], capture_output=True, text=True, check=True)
    return [f"[{address}]" if ":" in address else address for address in done.stdout.split()]


def forwarded(daemon: Running, port: str) -> str:
    """Where a daemon's packets for a port of localhost go."""
    ask = [
        "nsenter",
        "--target",
        str(daemon.pid),
        "--net",
        "--mount",
        "iptables",
        "-w",
        "-t",
        "nat",
        "-S",
        "OUTPUT",
    ]
    rules = subprocess.run(ask, capture_output=True, text=True, check=True).stdout
    return re.findall(rf"--dport {port} -j DNAT --to-destination (\S+)", rules)[0]


def knock(process: Running, places: list[str]) -> dict[str, str]:
    """Who answers from the network that a process is in."""
    command = ["nsenter", "--target", str(process.pid), "--net", sys.executable, "-c", KNOCK, *places]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


@contextmanager
def answering(process: Running) -> Iterator[str]:
    """The address of a port that somebody serves in the network that a process is in."""
    enter = ["nsenter", "--target", str(process.pid), "--net"]
    found = subprocess.run(
        [*enter, "hostname", "-I"], capture_output=True, text=True, check=True
    ).stdout.split()
    command = [*enter, sys.executable, "-u", "-m", "http.server", "8080", "--bind", found[0]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout
        server.stdout.readline()
        try:
            yield f"{found[0]}:8080"
        finally:
            server.kill()


def outside_answers() -> bool:
    """Whether this machine itself gets to Debian's mirror."""
    try:
        with socket.create_connection(("deb.debian.org", 80), timeout=5):
            return True
    except OSError:
        return False
