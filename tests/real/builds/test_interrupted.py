"""A daemon, a client or an engine that ends in the middle of a build, and a disk that is full."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.real import samples
from tests.real.processes import below, buildkitd, engine, find, stopped, wait_for
from tests.real.site import Site
from tests.real.tools import crane

from .held import completes, end, going, held, quiet, sleeping, statuses, wake
from .test_builder import builds

pytestmark = pytest.mark.real


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


def test_a_daemon_that_ends_at_its_start_is_one_error_with_its_last_words(
    site: Site, project: Callable[..., Path]
) -> None:
    root = project(samples.hello(), "tools: {buildkit: docker.io/library/debian:bookworm-slim}\n")
    done = site.run("build", "--json", cwd=root, expect=4)
    error = done.json["targets"][0]["error"]
    assert error["message"] == "building hello/1.2.3/linux-amd64: BuildKit ended when it was started"
    assert (
        "BuildKit's image has no buildkitd" in done.err and "tools: buildkit in lockage.yml" in error["hint"]
    )
    assert done.err.count("error: ") == 1


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
    # A layer finds no room beside what the instruction wrote; an instruction finds none. What the first one leaves is
    # freed sooner or later, so that the second needs more than the whole disk.
    disk = shutil.disk_usage(small.home)
    for name, size, source in (("export", int(disk.free * 0.7), "urandom"), ("run", disk.total, "zero")):
        done = small.run("build", name, "--json", cwd=project(image(name, size, source)), expect=4)
        assert done.err.count("error: ") == 1 and "Traceback" not in done.err
        assert re.search("next: .*(disk is full: )?free some space", done.err), done.err
    ballast.unlink()
    root = project(image("little", 20))
    done = small.run("build", "little", "--json", cwd=root).json["targets"][0]
    assert done["status"] == "built"
    crane("validate", "--remote", f"{builds(small, root)}@{done['digest']}")
