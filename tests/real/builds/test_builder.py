"""BuildKit on the engine: what RUN can reach, and what happens when a daemon, a client, an engine or a disk fails."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.real import samples
from tests.real.processes import Running, below, buildkitd, engine, find, stopped, wait_for, wait_to_find
from tests.real.site import ROOT, Done, Site
from tests.real.tools import crane
from tests.tools.git import commit

from .test_inputs import traces

pytestmark = pytest.mark.real

# A RUN that goes on until a test ends its `sleep`; in no cache, whatever ran here before.
HELD = samples.DEBIAN + f"RUN sleep 6{{number}} || echo {uuid.uuid4()} {{number}} > /etc/woken\n"

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


@contextmanager
def going(site: Site, root: Path, *arguments: str, **env: str) -> Iterator[subprocess.Popen[str]]:
    """`lockage` while it runs; killed where a test fails before its end."""
    process = subprocess.Popen(
        site.command(*arguments),
        cwd=root,
        env={**site.env, "PYTHONPATH": str(ROOT), **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def end(process: subprocess.Popen[str], limit: float = 240) -> Done:
    """Wait for the end."""
    out, err = process.communicate(timeout=limit)
    return Done(process.returncode, out, err)


def held(*numbers: str) -> dict[str, str]:
    """Images whose RUN is held, one for each number; the first is called a."""
    out = {}
    for name, number in zip("abc", numbers, strict=False):
        out[f"images/{name}/image.yml"] = samples.image("1.0.0", extra=f"description: image {name}\n")
        out[f"images/{name}/Dockerfile.tmpl"] = HELD.format(number=number)
    return out


def sleeping(site: Site, *numbers: str, besides: list[Running] | None = None) -> list[Running]:
    """The `sleep` of each held RUN, once it is there."""
    return [wait_to_find(site, "sleep", f"6{n}", besides=besides)[0] for n in numbers]


def wake(processes: list[Running]) -> None:
    """Let held RUNs go on."""
    for process in processes:
        process.send(signal.SIGTERM)


def statuses(done: Done) -> dict[str, str]:
    """What became of each target."""
    return {t["id"].partition("/")[0]: t["status"] for t in done.json["targets"]}


def completes(site: Site, root: Path, *numbers: str) -> None:
    """The same command once more, to its good end."""
    with going(site, root, "build", "--json") as again:
        wake(sleeping(site, *numbers))
        done = end(again)
    assert done.code == 0, done.err
    assert set(statuses(done).values()) <= {"built", "reused"}


def quiet(site: Site) -> bool:
    """Whether nothing of BuildKit's runs: no daemon, no client, no RUN."""
    names = ("buildkitd", "buildctl", "runc", "sleep", "buildkit-runc")
    return not any(find(site, name) for name in names)


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
    hosts = ("127.0.0.1", "[::1]", "169.254.169.254", *own_addresses(), *inside)
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
        left = Path(f"/proc/{runs[0].pid}/root/etc/run").read_text()
        sockets = [p for run in runs for p in Path(f"/proc/{run.pid}/root/run").rglob("*") if p.is_socket()]
        hidden = not any(Path(f"/proc/{run.pid}/root/run/buildkit").exists() for run in runs)
        variables = "".join(Path(f"/proc/{run.pid}/environ").read_text() for run in runs)
        wake(runs)
        done = end(build)
    assert done.code == 0, done.err

    for found in answers:
        assert [where for where, what in found.items() if what == "open"] == []
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
    for secret in secrets:
        found = subprocess.run(
            ["grep", "-rlFs", "--devices=skip", "-e", secret, site.data, root],
            capture_output=True,
            text=True,
            check=False,
        )
        assert set(found.stdout.split()) <= known


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


# What the Dockerfile does wrong

WRONG = {
    "base": ("RUN true\n\nFROM debian:bookworm-slim@sha256:" + "0" * 64 + "\nRUN true\n", 4),
    "run": ("RUN echo started\n{# not in the Dockerfile #}\nRUN echo last words >&2; exit 9\n", 4),
    "heredoc": ("RUN <<EOF\nset -e\necho in the heredoc\nfalse\nEOF\n", 2),
    "copy": ("FROM scratch\nCOPY --from=0 /absent /here\n", 3),
    "option": ("RUN --mount=type=nonsense true\n", 2),
}
SAYS = {
    "base": ("not found", ""),
    "run": ("exit code: 9", "last words"),
    "heredoc": ("exit code: 1", "in the heredoc"),
    "copy": ('"/absent": not found', ""),
    "option": ("nonsense", ""),
}


def test_what_is_wrong_in_a_dockerfile_is_said_in_buildkits_words_at_the_templates_line(
    site: Site, project: Callable[..., Path]
) -> None:
    files = {}
    for name, (text, _) in WRONG.items():
        files[f"images/{name}/image.yml"] = samples.image("1.0.0")
        files[f"images/{name}/Dockerfile.tmpl"] = samples.DEBIAN + text
    done = site.run("build", "--json", cwd=project(files), expect=6)
    found = {t["image"]: t["error"] for t in done.json["targets"]}
    assert set(found) == set(WRONG) and "Traceback" not in done.err
    for name, error in found.items():
        words, output = SAYS[name]
        where = f"images/{name}/Dockerfile.tmpl:{WRONG[name][1]}: "
        assert error["message"].startswith(where), error
        assert words in error["message"] and output in error.get("detail", ""), error
        assert error["kind"] == "BuildError" and "lockage generate" in error["hint"]
        assert where in done.err and words in done.err


def test_build_checks_warn_and_fail_nothing(site: Site, project: Callable[..., Path]) -> None:
    root = project(
        {
            "images/a/image.yml": samples.image("1.0.0"),
            "images/a/Dockerfile.tmpl": "{# a comment of the template #}\nFROM scratch\nARG A_PASSWORD=x\n"
            "COPY rootfs/ /\nCMD sh\n",
            "images/a/rootfs/etc/hello": "hello\n",
        }
    )
    done = site.run("build", "--json", cwd=root)
    target = done.json["targets"][0]
    rules = {w["rule"]: w for w in target["warnings"]}
    assert target["status"] == "built" and {"SecretsUsedInArgOrEnv", "JSONArgsRecommended"} <= set(rules)
    assert "A_PASSWORD" in rules["SecretsUsedInArgOrEnv"]["message"]
    said = [line for line in done.err.splitlines() if "warning" in line]
    assert any("images/a/Dockerfile.tmpl:3: " in line and "A_PASSWORD" in line for line in said), done.err
    assert any("images/a/Dockerfile.tmpl:5: " in line for line in said)


# Several at once


def test_two_processes_that_build_the_same_at_once_agree(site: Site, project: Callable[..., Path]) -> None:
    """Two daemons on two states of one engine; what each builds differs, and the first under the key counts."""
    root = project(held("02"))
    with going(site, root, "build", "--json") as one, going(site, root, "build", "--json") as other:
        runs = wait_to_find(site, "sleep", "602", count=2)
        daemons = buildkitd(site)
        wake(runs)
        done = [end(one), end(other)]
    assert [d.code for d in done] == [0, 0], done
    states = {p.command[p.command.index("--root") + 1] for p in daemons}
    assert len(daemons) == len(states) == 2
    digests = {t["digest"] for d in done for t in d.json["targets"]}
    assert len(digests) == 1
    after = site.run("build", "--json", cwd=root).json
    assert {t["digest"] for t in after["targets"]} == digests and after["engine_used"] is False


def test_twenty_targets_at_once(site: Site, project: Callable[..., Path]) -> None:
    names = [f"i{n:02}" for n in range(20)]
    files = {}
    for name in names:
        files[f"images/{name}/image.yml"] = samples.image("1.0.0")
        files[f"images/{name}/Dockerfile.tmpl"] = "FROM scratch\nCOPY rootfs/ /\n"
        files[f"images/{name}/rootfs/name"] = f"{name}\n"
    root = project(files)
    done = site.run("build", "--json", "--jobs", "8", cwd=root).json
    assert [t["image"] for t in done["targets"]] == names
    assert {t["status"] for t in done["targets"]} == {"built"}
    assert len({t["digest"] for t in done["targets"]}) == 20
    for target in done["targets"][::7]:
        crane("validate", "--remote", f"{builds(site, root)}@{target['digest']}")
    [content] = (site.data / "engine").glob("worker/snapshots/snapshots/*/fs/0/runc-overlayfs/content")
    assert not traces(content, '"SpanContext": {'), (
        "BuildKit's history keeps the session's spans with every build"
    )


def builds(site: Site, root: Path) -> str:
    """The repository of builds of a project."""
    line = next(t for t in (root / "lockage.yml").read_text().splitlines() if t.startswith("builds:"))
    return f"{site.registry}/{line.partition(' ')[2]}"


def layers(site: Site, root: Path, target: dict[str, Any]) -> list[str]:
    """The digests of a target's layers."""
    manifest = json.loads(crane("manifest", f"{builds(site, root)}@{target['digest']}"))
    return [layer["digest"] for layer in manifest["layers"]]


def test_an_engine_that_was_started_again_still_has_buildkits_cache(
    site: Site, project: Callable[..., Path]
) -> None:
    word = samples.DEBIAN + "RUN head -c 20 /dev/urandom > /etc/word\n"
    root = project({"images/a/image.yml": samples.image("1.0.0"), "images/a/Dockerfile.tmpl": word})
    before = layers(site, root, site.run("build", "--json", cwd=root).json["targets"][0])
    site.run("down", "engine")
    site.run("up")
    text = (root / "lockage.yml").read_text()
    (root / "lockage.yml").write_text(re.sub("(?m)^builds: .*", r"\g<0>-anew", text))
    commit(root)
    done = site.run("build", "--json", cwd=root).json["targets"][0]
    assert done["status"] == "built" and layers(site, root, done) == before


# Memory


def test_what_is_built_does_not_go_through_the_programs_memory(
    site: Site, project: Callable[..., Path]
) -> None:
    """The largest that it ever was, for a small layer and for one of 256 MiB."""
    size = 256 << 20
    large = samples.DEBIAN + f"RUN head -c {size} /dev/urandom > /large\n"
    root = project(
        {
            "images/small/image.yml": samples.image("1.0.0"),
            "images/small/Dockerfile.tmpl": samples.DEBIAN + "RUN echo small > /small\n",
            "images/large/image.yml": samples.image("1.0.0"),
            "images/large/Dockerfile.tmpl": large,
        }
    )
    script = (
        "import sys; from pathlib import Path; from pipeline.cli import main; code = main(sys.argv[1:]);"
        "print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0], file=sys.stderr);"
        "sys.exit(code)"
    )
    peaks = {}
    for name in ("small", "large"):
        done = subprocess.run(
            [sys.executable, "-c", script, "build", name],
            cwd=root,
            env={**site.env, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=600,
            check=True,
        )
        peaks[name] = int(done.stderr.splitlines()[-1]) / 1024
    assert max(peaks.values()) < 110, peaks  # scrypt's 64 MiB are another process's
    assert peaks["large"] - peaks["small"] < 8, peaks


# What ends in the middle


def test_ctrl_c_in_a_run_ends_all_of_it_at_once(site: Site, project: Callable[..., Path]) -> None:
    root = project(held("10", "11"))
    with going(site, root, "build") as build:
        sleeping(site, "10", "11")
        began = time.monotonic()
        build.send_signal(signal.SIGINT)
        done = end(build, limit=60)
        took = time.monotonic() - began
    assert done.code == 130 and "run the same command again" in done.err and "Traceback" not in done.err
    assert took < 20, took
    wait_for(lambda: quiet(site), "nothing of BuildKit's is left", 20)
    assert site.run("status", "--json").json["users"] == []
    completes(site, root, "10", "11")


def test_a_daemon_that_is_killed_is_replaced_under_all_its_builds(
    site: Site, project: Callable[..., Path]
) -> None:
    root = project(held("20", "21", "22"))
    with going(site, root, "build", "--json", "--jobs", "3") as build:
        first = sleeping(site, "20", "21", "22")
        (daemon,) = buildkitd(site)
        daemon.send(signal.SIGKILL)
        again = sleeping(site, "20", "21", "22", besides=first)
        assert daemon not in buildkitd(site) and not any(p.alive for p in first)
        wake(again)
        done = end(build)
    assert done.code == 0, done.err
    assert set(statuses(done).values()) == {"built"} and "BuildKit ended; starting it again" in done.err


def test_a_daemon_that_hangs_is_replaced(site: Site, project: Callable[..., Path]) -> None:
    root = project(held("30"))
    with going(site, root, "build", "--json", LOCKAGE_BUILDER_LIMIT="5") as build:
        first, (daemon,) = sleeping(site, "30"), buildkitd(site)
        with stopped(daemon):
            again = sleeping(site, "30", besides=first)
            assert not daemon.alive
            wake(again)
            done = end(build)
    assert done.code == 0, done.err
    assert "BuildKit ended; starting it again" in done.err


def test_a_client_that_is_killed_fails_its_own_build_alone(site: Site, project: Callable[..., Path]) -> None:
    root = project(held("40", "41"))
    with going(site, root, "build", "--json") as build:
        mine, others = sleeping(site, "40", "41")
        client = next(p for p in find(site, "buildctl", "--addr") if "image a" in " ".join(p.command))
        client.send(signal.SIGKILL)
        wait_for(lambda: not mine.alive, "the RUN of a client that is gone has ended", 60)
        wake([others])
        done = end(build)
    assert done.code == 4 and statuses(done) == {"a": "failed", "b": "built"}, done.err
    error = done.json["targets"][0]["error"]
    assert "ended by signal 9" in error["message"] and done.err.count("error: ") == 1
    completes(site, root, "40")


def test_an_engine_that_is_killed_is_one_error_and_a_rerun_completes(
    site: Site, project: Callable[..., Path]
) -> None:
    root = project(held("50"))
    with going(site, root, "build", "--json") as build:
        sleeping(site, "50")
        first = engine(site)
        (whole,) = [p for p in below(site) if Path(p.command[0]).name == "dagger-engine"]
        whole.send(signal.SIGKILL)
        began = time.monotonic()
        done = end(build, limit=180)
        took = time.monotonic() - began
    assert took < 30, took
    assert done.code == 4 and "went away" in done.json["targets"][0]["error"]["message"], done.err
    assert done.err.count("error: ") == 1 and "Traceback" not in done.err
    completes(site, root, "50")
    assert engine(site) != first


# A disk that is full


@pytest.fixture
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site whose disk is small: a file system of its own in a file."""
    folder = tmp_path_factory.mktemp("small")
    image, home = folder / "image", folder / "home"
    home.mkdir()
    with image.open("wb") as file:
        file.truncate(2 << 30)
    for command in (["mkfs.ext4", "-q", "-m", "0", image], ["mount", "-o", "loop", image, home]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            image.unlink()
            pytest.skip(f"no small disk here: {done.stderr.strip()}")
    site = Site(home)
    try:
        site.run("up")
        yield site
    finally:
        site.run("down", "--force", expect=None)
        subprocess.run(["umount", home], check=True)
        image.unlink()


def test_a_disk_that_is_full_is_the_environments_fault_and_the_next_run_completes(
    small: Site, project: Callable[..., Path]
) -> None:
    def image(name: str, size: int, source: str = "zero") -> dict[str, str]:
        text = f"{samples.DEBIAN}RUN head -c {size} /dev/{source} > /large\n"
        return {f"images/{name}/image.yml": samples.image("1.0.0"), f"images/{name}/Dockerfile.tmpl": text}

    ballast = small.home / "ballast"
    ballast.write_bytes(bytes(600 << 20))
    small.run("build", cwd=project(image("little", 10)))
    # A layer finds no room beside what the instruction wrote; an instruction finds none.
    for name, share, source in (("export", 0.7, "urandom"), ("run", 1.1, "zero")):
        size = int(shutil.disk_usage(small.home).free * share)
        done = small.run("build", name, "--json", cwd=project(image(name, size, source)), expect=4)
        assert done.err.count("error: ") == 1 and "Traceback" not in done.err
        assert re.search("next: .*(disk is full: )?free some space", done.err), done.err
    ballast.unlink()
    root = project(image("little", 20))
    done = small.run("build", "little", "--json", cwd=root).json["targets"][0]
    assert done["status"] == "built"
    crane("validate", "--remote", f"{builds(small, root)}@{done['digest']}")
