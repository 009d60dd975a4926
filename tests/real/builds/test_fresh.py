"""Built afresh when asked to, recorded so; a base that moved is noticed when it is asked for, with the reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from pipeline.cli.instance.signing_key import signing_key
from pipeline.model import Repository
from pipeline.registry import Registry
from pipeline.state.build_inputs import BuildInputs, read_build_inputs
from pipeline.state.signers import Signers
from pipeline.state.store import Store
from tests.real.site import Site
from tests.real.tools import crane
from tests.tools.logins import access

pytestmark = pytest.mark.real


@pytest.fixture
def based(site: Site, project: Callable[..., Path]) -> tuple[Path, str]:
    """A catalogue on a base that somebody else may move, and that base."""
    host = site.registry
    base = f"{host}/elsewhere/debian:1"
    crane("copy", f"{host}/mirror/docker.io/library/debian:bookworm-slim", base)
    root = project(
        {
            "images/app/image.yml": "tags: [1.0.0]\n",
            "images/app/Dockerfile.tmpl": f"FROM {base}\nRUN date +%N > /etc/moment\n",
        }
    )
    text = (root / "lockage.yml").read_text()
    (root / "lockage.yml").write_text(text.replace("bases: [", f"bases: ['{base}', "))
    return root, base


def test_a_base_that_moved_is_seen_with_pull_and_never_with_locked(
    site: Site, based: tuple[Path, str]
) -> None:
    root, base = based
    before = site.run("build", "--json", cwd=root).json["targets"][0]
    crane("mutate", "--label", "moved=yes", "--tag", base, base)
    asleep = site.run("build", "--json", cwd=root).json["targets"][0]
    assert (asleep["status"], asleep["digest"]) == ("reused", before["digest"])
    assert "--locked forbids" in site.run("build", "--pull", "--locked", cwd=root, expect=2).err
    after = site.run("build", "--pull", "--json", cwd=root)
    target = after.json["targets"][0]
    assert target["status"] == "built" and target["digest"] != before["digest"]
    assert target["reason"].startswith(f"its base {base} moved to sha256:")
    assert f"{base} moved to" in after.err
    assert site.run("build", "--locked", "--json", cwd=root).json["targets"][0]["status"] == "reused"


def test_without_a_cache_every_step_runs_again_and_it_is_recorded(
    site: Site, based: tuple[Path, str]
) -> None:
    root, base = based
    first = site.run("build", "--json", cwd=root).json["targets"][0]
    again = site.run("build", "--no-cache", "--pull", "--json", cwd=root).json["targets"][0]
    assert again["reason"] == "rebuild requested" and again["digest"] != first["digest"]
    host = base.partition("/")[0]
    name = next(
        line.split()[1] for line in (root / "lockage.yml").read_text().splitlines() if "builds:" in line
    )
    (project,) = (
        line.split()[1] for line in (root / "lockage.yml").read_text().splitlines() if "project:" in line
    )
    signers = Signers.of(project, signing_key({}, site.data))
    made = anyio.run(recorded, Repository(host, name), signers, again["id"])
    assert made.fresh and made.target == "app/1.0.0/linux-amd64"


async def recorded(builds: Repository, signers: Signers, target: str) -> BuildInputs:
    """What the registry remembers of a target's last build."""
    async with Registry(access()) as registry:
        found = await read_build_inputs(Store(registry, builds, signers), target)
        assert found
        return found
