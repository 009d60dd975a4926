"""Two engines agree on every byte; where two builds differ, it is said where; what was interrupted is not final."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pipeline.release.normalise import NORMAL

from . import samples
from .conftest import commit
from .site import Site
from .tools import binary, crane, tags

pytestmark = pytest.mark.real

EPOCH = 1_700_000_000  # 2023-11-14T22:13:20Z

BASE = """\
FROM debian:bookworm-slim
COPY rootfs/ /
RUN useradd --create-home app && mkdir -p /srv/deep && echo one > /srv/deep/file && ln /srv/deep/file /srv/other
"""
CHILD = """\
FROM base:1.0.0
ARG SOURCE_DATE_EPOCH
RUN echo "$SOURCE_DATE_EPOCH" > /epoch && rm /srv/other && chmod 700 /etc/given
"""
FILES = {
    "images/base/image.yml": samples.image("1.0.0"),
    "images/base/Dockerfile.tmpl": BASE,
    "images/base/rootfs/etc/given": "by rootfs\n",
    "images/child/image.yml": samples.image("2.0.0"),
    "images/child/Dockerfile.tmpl": CHILD,
}


@pytest.fixture(scope="module")
def pair(site: Site) -> Iterator[tuple[Site, Site]]:
    """Two engines and registries where nothing was ever built, on bases of the same digests: those of the other
    tests' site change when one of them asks for another platform."""
    made = tuple(Site(site.home, {"LOCKAGE_INSTANCE": name}) for name in ("one", "other"))
    for one in made:
        one.run("up")
    yield made
    for one in made:
        one.run("down", "--force")


def built(site: Site, root: Path, **env: str) -> dict[str, dict[str, Any]]:
    """What `lockage build` says of each image."""
    found = site.run("build", "--json", cwd=root, **env).json["targets"]
    return {t["image"]: t for t in found}


def builds(site: Site, root: Path) -> str:
    """The repository of builds of a project."""
    line = next(t for t in (root / "lockage.yml").read_text().splitlines() if t.startswith("builds:"))
    return f"{site.registry}/{line.partition(' ')[2]}"


def manifest(site: Site, root: Path, target: dict[str, Any]) -> dict[str, Any]:
    """The manifest of a target in the repository of builds."""
    return json.loads(crane("manifest", f"{builds(site, root)}@{target['digest']}"))


def files(site: Site, root: Path, target: dict[str, Any]) -> dict[str, tarfile.TarInfo]:
    """The file system of a target, as crane puts it together."""
    done = subprocess.run(
        [binary("crane"), "export", f"{builds(site, root)}@{target['digest']}", "-"],
        capture_output=True,
        check=True,
    )
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        return {m.name: m for m in archive}


def test_two_engines_agree_although_one_has_built_before(
    pair: tuple[Site, Site], project: Callable[..., Path]
) -> None:
    site, other = pair
    root = project(FILES)
    first = built(site, root)
    # Another label on the base: other keys everywhere, but every step is in this engine's cache, with the times and
    # on the layers of the first commit.
    (root / "images/base/image.yml").write_text(samples.image("1.0.0", extra="description: mended\n"))
    commit(root)
    again, fresh = built(site, root), built(other, root)
    assert {t["status"] for t in (*again.values(), *fresh.values())} == {"built"}
    assert {n: t["digest"] for n, t in again.items()} == {n: t["digest"] for n, t in fresh.items()}
    assert again["base"]["digest"] != first["base"]["digest"]
    base, child = (manifest(site, root, again[name]) for name in ("base", "child"))
    assert child["layers"][: len(base["layers"])] == base["layers"]
    assert child["annotations"]["org.opencontainers.image.base.digest"] == again["base"]["digest"]
    references = [f"{builds(s, root)}@{t['child']['digest']}" for s, t in ((site, again), (other, fresh))]
    for reference in references:
        crane("validate", "--remote", reference)
    assert site.run("compare", *references, "--json").json["equal"] is True


def test_the_epoch_is_in_times_config_history_and_where_it_is_asked_for(
    site: Site, project: Callable[..., Path]
) -> None:
    root = project(FILES)
    found = built(site, root, SOURCE_DATE_EPOCH=str(EPOCH))
    child = manifest(site, root, found["child"])
    assert child["annotations"][NORMAL] == "1"
    config = json.loads(crane("config", f"{builds(site, root)}@{found['child']['digest']}"))
    moment = "2023-11-14T22:13:20Z"
    assert {config["created"], *(step["created"] for step in config["history"])} == {moment}
    assert not [e for e in config["config"]["Env"] if e.startswith("SOURCE_DATE_EPOCH=")]
    tree = files(site, root, found["child"])
    assert {tree[name].mtime for name in ("epoch", "etc/passwd", "etc/given", "srv/deep/file", "etc")} == {
        EPOCH
    }
    assert tree["etc/debian_version"].mtime != EPOCH, "the base's own layers stay as they are"
    assert "srv/other" not in tree
    assert tree["etc/given"].mode == 0o700 and tree["epoch"].size == len(f"{EPOCH}\n")
    wrong = site.run("build", cwd=root, expect=2, SOURCE_DATE_EPOCH="yesterday")
    assert "SOURCE_DATE_EPOCH" in wrong.err


def test_a_rebuild_that_agrees_leaves_no_trace(site: Site, project: Callable[..., Path]) -> None:
    root = project(FILES)
    found = built(site, root)
    before = tags(builds(site, root))
    assert not {t for t in before if t.endswith("-raw")}
    commit(root, "another moment")
    done = site.run("rebuild", "--compare", "--json", cwd=root).json
    assert [(t["status"], t["known"], t["rebuilt"]) for t in done["targets"]] == [
        ("equal", found[n]["digest"], found[n]["digest"]) for n in ("base", "child")
    ]
    assert tags(builds(site, root)) == before


def test_a_rebuild_that_differs_says_where(site: Site, project: Callable[..., Path]) -> None:
    unsteady = "FROM debian:bookworm-slim\nRUN date +%s%N > /etc/moment && echo same > /etc/same\n"
    root = project({"images/a/image.yml": samples.image("1.0.0"), "images/a/Dockerfile.tmpl": unsteady})
    found = built(site, root)["a"]
    done = site.run("rebuild", "--compare", "--json", cwd=root, expect=7).json["targets"][0]
    assert done["status"] == "different" and done["known"] == found["digest"]
    said = [(d["where"], d["path"], d["what"]) for d in done["comparison"]["differences"]]
    assert ("layer 1", "etc/moment", "content") in said and ("tree", "etc/moment", "content") in said
    assert {path for where, path, _ in said if where in ("layer 1", "tree")} == {"etc/moment"}
    repository = builds(site, root)
    assert (
        crane("digest", next(f"{repository}:{t}" for t in tags(repository) if t.endswith("-rebuilt")))
        == (done["rebuilt"])
    )
    assert built(site, root)["a"]["digest"] == found["digest"]
    text = site.run("compare", done["comparison"]["before"], done["comparison"]["after"], cwd=root, expect=7)
    assert "etc/moment: content" in text.out and text.out.startswith("different")
    brief = site.run("rebuild", cwd=root, expect=7)
    assert brief.out.startswith("different") and "--compare" in brief.err


def test_there_must_be_something_to_compare_with(site: Site, project: Callable[..., Path]) -> None:
    root = project(FILES)
    never = site.run("rebuild", cwd=root, expect=5)
    assert "was never built" in never.err and "lockage build" in never.err
    host = site.registry
    gone = site.run("compare", f"{host}/a/b:1", f"{host}/a/b:2", cwd=root, expect=5)
    assert "is not there" in gone.err
    site.run("compare", "NOT A NAME", f"{host}/a/b:2", cwd=root, expect=2)


def test_what_the_engine_pushed_is_not_final(site: Site, project: Callable[..., Path]) -> None:
    """Killed between the engine's push and the normal form: the next run builds, and only that is final."""
    large = "FROM debian:bookworm-slim\nRUN head -c 80000000 /dev/urandom > /large\n"
    root = project({"images/a/image.yml": samples.image("1.0.0"), "images/a/Dockerfile.tmpl": large})
    repository = builds(site, root)
    running = subprocess.Popen(
        site.command("build"),
        cwd=root,
        env={**site.env, "PYTHONPATH": str(Path(__file__).parents[2])},
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    while running.poll() is None and not any(t.endswith("-raw") for t in tags(repository)):
        pass
    running.kill()
    running.wait()
    finished = any(len(t) == 64 for t in tags(repository))  # so quick that there was nothing left to kill
    again = built(site, root)["a"]
    assert again["status"] == ("reused" if finished else "built")
    assert not any(t.endswith("-raw") for t in tags(repository))
    assert manifest(site, root, again)["annotations"][NORMAL] == "1"


def test_an_engine_that_was_started_again_leaves_the_layers_of_the_base(
    pair: tuple[Site, Site], project: Callable[..., Path]
) -> None:
    """It packs them anew when it pushes, and its history no longer says that they are the base's."""
    site, _ = pair
    root = project(FILES)
    before = manifest(site, root, built(site, root)["base"])
    site.run("down", "engine")
    (root / "images/base/Dockerfile.tmpl").write_text(BASE + "RUN echo more > /srv/more\n")
    commit(root)
    after = manifest(site, root, built(site, root)["base"])
    assert after["layers"][0] == before["layers"][0]
    assert len(after["layers"]) == len(before["layers"]) + 1
