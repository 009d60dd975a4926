"""Several engines in one run: each platform's targets on its own, each woken only when it is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.real import samples
from tests.real.site import Site

pytestmark = pytest.mark.real

BOTH = "platforms: [linux/amd64, linux/arm64]\n"


@dataclass(frozen=True)
class Two:
    """Two instances; the second one's engine emulates, and reaches the first one's registry."""

    here: Site
    there: Site

    @property
    def address(self) -> str:
        """The second engine's."""
        return f"unix://{self.there.data / 'run' / 'engine.sock'}"


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    home = tmp_path_factory.mktemp("two")
    here = Site(home, {"LOCKAGE_INSTANCE": "here"})
    here.run("up", "registry")
    more = {"LOCKAGE_INSTANCE": "there", "LOCKAGE_REGISTRIES": here.registry, "LOCKAGE_EMULATE": "1"}
    there = Site(home, more)
    there.run("up", "engine")
    yield Two(here, there)
    there.end()
    here.end()


def engine_state(site: Site) -> str:
    """What `status` says of a site's engine."""
    (engine,) = [d for d in site.run("status", "--json").json["daemons"] if d["name"] == "engine"]
    return engine["state"]


def test_each_platform_on_its_engine(two: Two, project: Callable[..., Path]) -> None:
    root = project(samples.hello(), BOTH)
    named = f"linux/arm64={two.address}"
    alone = two.here.run("-C", root, "build", "--platform", "linux/arm64", "--engine", named)
    assert f"hello/1.2.3/linux-arm64  on {two.address}" in alone.err
    assert f"linux/arm64  on {two.address}, which is linux/amd64" in alone.err
    assert engine_state(two.here) == "stopped"  # nobody needed it

    done = two.here.run("-C", root, "test", "--json", LOCKAGE_ENGINES=named)
    found = {t["platform"]: t for t in done.json["targets"]}
    assert {platform: t["status"] for platform, t in found.items()} == {
        "linux/amd64": "built",
        "linux/arm64": "reused",
    }
    assert all(t["tests"] == {"passed": 2, "total": 2} for t in found.values())
    assert engine_state(two.here) == "running"
    assert not two.here.run("-C", root, "test", "--json", LOCKAGE_ENGINES=named).json["engine_used"]


def test_one_remote_engine_by_daggers_own_variable(
    two: Two, project: Callable[..., Path], tmp_path: Path
) -> None:
    root = project(samples.hello("far"))
    address = tmp_path / "dagger.sock"
    address.symlink_to(two.address.removeprefix("unix://"))
    before = engine_state(two.here)
    variables = {"LOCKAGE_ENGINE": "", "_EXPERIMENTAL_DAGGER_RUNNER_HOST": f"unix://{address}"}
    two.here.run("-C", root, "build", **variables)
    assert engine_state(two.here) == before


def test_an_engine_that_is_not_there(two: Two, project: Callable[..., Path], tmp_path: Path) -> None:
    root = project(samples.hello("gone"), BOTH)
    named = f"linux/arm64=unix://{tmp_path}/none.sock"
    done = two.here.run("-C", root, "build", "--engine", named, expect=4, LOCKAGE_CONNECT_LIMIT="5")
    assert f"no session with the Dagger engine at unix://{tmp_path}/none.sock" in done.err
    assert "make sure that it runs and can be reached from here" in done.err


@pytest.mark.parametrize("text", ["linux/arm64", "linux/arm64=host:1", "plan9/amd64=tcp://h:1"])
def test_what_names_no_engine(two: Two, project: Callable[..., Path], text: str) -> None:
    root = project(samples.hello("n"))
    done = two.here.run("-C", root, "build", "--engine", text, expect=2)
    assert done.err.count("error: ") == 1 and f"--engine {text}" in done.err
