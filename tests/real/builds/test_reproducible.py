"""Two engines agree on every byte, whatever their caches hold; where two builds differ is reported."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline.run.target.epoch import FIRST
from tests.real import samples
from tests.real.site import Site
from tests.real.tools import binary, crane, tags
from tests.tools import logins
from tests.tools.git import commit
from tests.tools.logins import environment

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
        one.end()


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


def forget(site: Site, root: Path) -> None:
    """Leave nothing that the registry remembers of a project's builds; BuildKit's cache stays."""
    for tag in tags(builds(site, root)):
        crane("delete", f"{builds(site, root)}:{tag}")


def digests(manifest: dict[str, Any]) -> list[str]:
    """The layers of an image."""
    return [layer["digest"] for layer in manifest["layers"]]


def files(site: Site, root: Path, target: dict[str, Any]) -> dict[str, tarfile.TarInfo]:
    """The file system of a target, as crane puts it together."""
    done = subprocess.run(
        [binary("crane"), "export", f"{builds(site, root)}@{target['digest']}", "-"],
        env=environment(),
        capture_output=True,
        check=True,
    )
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        return {m.name: m for m in archive}


def test_two_engines_agree_although_one_has_built_before(
    pair: tuple[Site, Site], project: Callable[..., Path]
) -> None:
    """Steps from a cache that an earlier commit filled have times of their own; digests do not show it."""
    site, other = pair
    root = project(FILES)
    first = built(site, root)
    # Other keys everywhere, but all steps of the base and the first of the child are in this engine's cache.
    (root / "images/base/image.yml").write_text(samples.image("1.0.0", extra="description: mended\n"))
    (root / "images/child/Dockerfile.tmpl").write_text(f"{CHILD}RUN echo later > /later\n")
    commit(root, "later than every cached step")
    again, fresh = built(site, root), built(other, root)
    assert {t["status"] for t in (*again.values(), *fresh.values())} == {"built"}
    assert {n: t["digest"] for n, t in again.items()} == {n: t["digest"] for n, t in fresh.items()}
    assert again["base"]["digest"] != first["base"]["digest"]
    base, child = (manifest(site, root, again[name]) for name in ("base", "child"))
    assert digests(child)[: len(base["layers"])] == digests(base)
    assert child["annotations"]["org.opencontainers.image.base.digest"] == again["base"]["digest"]
    references = [f"{builds(s, root)}@{t['child']['digest']}" for s, t in ((site, again), (other, fresh))]
    for reference in references:
        crane("validate", "--remote", reference)
    assert site.run("compare", *references, "--json", **logins.variable()).json["equal"] is True


def test_an_engine_that_was_started_again_gives_the_same_digests(
    pair: tuple[Site, Site], project: Callable[..., Path]
) -> None:
    site, _ = pair
    root = project(FILES)
    before = built(site, root)
    site.run("down", "engine")
    forget(site, root)
    after = built(site, root)
    assert {t["status"] for t in after.values()} == {"built"}
    assert {n: t["digest"] for n, t in after.items()} == {n: t["digest"] for n, t in before.items()}
    (root / "images/base/Dockerfile.tmpl").write_text(BASE + "RUN echo more > /srv/more\n")
    more = built(site, root)
    layers = [digests(manifest(site, root, found["base"])) for found in (after, more)]
    assert layers[1][:-1] == layers[0], "what did not change keeps its layers, byte for byte"


def test_the_epoch_is_in_times_config_history_and_where_it_is_asked_for(
    site: Site, project: Callable[..., Path]
) -> None:
    root = project(FILES)
    found = built(site, root, SOURCE_DATE_EPOCH=str(EPOCH))
    config = json.loads(crane("config", f"{builds(site, root)}@{found['child']['digest']}"))
    moment = "2023-11-14T22:13:20Z"
    own = [step for step in config["history"] if step.get("comment") == "buildkit.dockerfile.v0"]
    assert {config["created"], *(step["created"] for step in own)} == {moment}
    assert len(own) < len(config["history"]), "the base keeps its own history"
    assert not [e for e in config["config"]["Env"] if e.startswith("SOURCE_DATE_EPOCH=")]
    tree = files(site, root, found["child"])
    assert {tree[name].mtime for name in ("epoch", "etc/passwd", "etc/given", "srv/deep/file", "etc")} == {
        EPOCH
    }
    assert tree["etc/debian_version"].mtime != EPOCH, "the base's own layers stay as they are"
    assert "srv/other" not in tree
    assert tree["etc/given"].mode == 0o700 and tree["epoch"].size == len(f"{EPOCH}\n")
    for text in ("yesterday", "1700000000000"):
        wrong = site.run("build", cwd=root, expect=2, SOURCE_DATE_EPOCH=text)
        assert "SOURCE_DATE_EPOCH" in wrong.err


def test_without_an_epoch_given_it_is_that_of_the_bases(site: Site, project: Callable[..., Path]) -> None:
    root = project(FILES)
    found = built(site, root)
    config = json.loads(crane("config", f"{builds(site, root)}@{found['child']['digest']}"))
    tree = files(site, root, found["child"])
    moment = datetime.fromisoformat(config["created"]).timestamp()
    assert moment == FIRST, "the lab's base is older than the oldest epoch"
    assert tree["epoch"].size == len(f"{FIRST}\n"), "what a Dockerfile sees that declares SOURCE_DATE_EPOCH"
    assert {tree[name].mtime for name in ("epoch", "etc/given", "srv/deep/file")} == {FIRST}


def test_a_rebuild_that_agrees_leaves_no_trace(site: Site, project: Callable[..., Path]) -> None:
    root = project(FILES)
    found = built(site, root)
    before = tags(builds(site, root))
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
    differences = [(d["where"], d["path"], d["what"]) for d in done["comparison"]["differences"]]
    assert {("layer 1", "etc/moment", "content"), ("tree", "etc/moment", "content")} <= set(differences)
    assert {path for where, path, _ in differences if where in ("layer 1", "tree")} == {"etc/moment"}
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
    assert "does not exist" in gone.err
    site.run("compare", "NOT A NAME", f"{host}/a/b:2", cwd=root, expect=2)
