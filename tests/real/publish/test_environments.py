"""Environments of a run: which are written without being named, and what a work tree with changes may write."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.real import samples
from tests.real.site import Site
from tests.real.tools import crane, tags
from tests.tools.git import commit

from .test_tags import repository

pytestmark = pytest.mark.real

REVISION = "org.opencontainers.image.revision"


def labels(reference: str) -> set[str]:
    """What an image says its revision is: in the labels of its configuration, and in its annotations."""
    index = json.loads(crane("manifest", reference))
    child = f"{reference.partition('@')[0].rpartition(':')[0]}@{index['manifests'][0]['digest']}"
    config = json.loads(crane("config", child))
    manifest = json.loads(crane("manifest", child))
    return {
        config["config"]["Labels"][REVISION],
        manifest["annotations"][REVISION],
        index["annotations"][REVISION],
    }


def test_nothing_of_a_work_tree_with_changes_leaves_the_first_environment(
    site: Site, project: Callable[..., Path]
) -> None:
    root = project({**samples.hello("one"), **samples.hello("two")})
    name = (root / "lockage.yml").read_text().partition("project: ")[2].split()[0]
    clean = commit(root)
    site.run("run", "one", cwd=root)
    template = root / "images/two/Dockerfile.tmpl"
    template.write_text(template.read_text() + "ENV CHANGE=yes\n")
    dirty = site.run("run", "--json", cwd=root)
    assert [i["promoted"] for i in dirty.json["images"]] == [[], []]
    assert "not promoted to prod: the work tree has changes" in dirty.err
    two = next(i for i in dirty.json["images"] if i["image"] == "two")
    assert tags(repository({"images": [two]})) == {f"ci-{clean}-dirty-1.2.3"}
    for command in (("run", "--to", "prod"), ("promote", "--to", "prod")):
        assert "the work tree has changes" in site.run(*command, cwd=root, expect=2).err
    allowed = site.run("run", "--allow-dirty", "--json", cwd=root, expect=7)
    found = {image["image"]: image for image in allowed.json["images"]}
    assert len(found["one"]["promoted"]) == 3, "it was built from a commit"
    assert "two:1.2.3 is not promoted: it was built from a work tree with changes" in allowed.err
    assert tags(f"{site.registry}/{name}/prod/two") == set()

    sha = commit(root, "the same, committed")
    later = site.run("run", "--json", cwd=root)
    status = {t["image"]: (t["status"], t["reason"]) for t in later.json["targets"]}
    assert status["one"][0] == "reused"
    assert status["two"] == ("built", "it was built from a work tree with changes")
    production = f"{site.registry}/{name}/prod/two"
    assert labels(f"{production}:1.2.3") == {sha}
    assert f"{production}:1.2.3  nothing → " in later.err
    again = site.run("run", "--json", cwd=root)
    assert not any(image["written"] for image in again.json["images"])


def test_an_environment_is_written_by_name_unless_it_is_automatic(
    site: Site, project: Callable[..., Path]
) -> None:
    root = project(samples.hello())
    settings = root / "lockage.yml"
    text = settings.read_text()
    name = text.partition("project: ")[2].split()[0]
    live = f'  - {{name: live, repository: "{name}/live/{{image}}", registry: "{site.registry}"'
    live += ", visibility: public}\n"
    lines = text.splitlines(keepends=True)
    number = next(n for n, line in enumerate(lines) if "name: prod" in line) + 1
    settings.write_text("".join([*lines[:number], live, *lines[number:]]))
    commit(root)
    found = site.run("run", "--json", cwd=root).json["images"][0]
    assert {ref.rpartition(":")[0] for ref in found["promoted"]} == {f"{site.registry}/{name}/prod/hello"}
    assert tags(f"{site.registry}/{name}/live/hello") == set()
    to_live = site.run("run", "--to", "live", "--json", cwd=root)
    named = to_live.json["images"][0]
    assert f"warning: {site.registry}/{name}/live/hello  private, should be public (" in to_live.err
    assert "should be" not in site.run("run", "--to", "live", cwd=root).err, "nothing moved, nobody was asked"
    assert len(named["promoted"]) == 3 and tags(f"{site.registry}/{name}/live/hello") == {"1", "1.2", "1.2.3"}
    history = site.run("history", "--env", "live", "--check", cwd=root)
    assert history.out.splitlines()[0].startswith("1  ") and "    hello:1.2.3  nothing → " in history.out
    assert "1 entry of live, every tag checked; 0 problems" in history.err
    settings.write_text(settings.read_text().replace(", promote: automatic", ""))
    commit(root)
    none = site.run("run", "--json", cwd=root)
    assert none.json["images"][0]["promoted"] == []
    assert "no environment has promote: automatic; --to names one of prod, live" in none.err


def test_a_bad_version_is_taken_back_and_stays_so(site: Site, project: Callable[..., Path]) -> None:
    root = project(samples.hello())
    template = root / "images/hello/Dockerfile.tmpl"
    good = site.run("run", "--json", cwd=root).json["images"][0]
    template.write_text(template.read_text() + "ENV BAD=yes\n")
    commit(root)
    bad = site.run("run", "--json", cwd=root).json["images"][0]
    digests = [one["reference"].rpartition("@")[2] for one in (good, bad)]
    shown = site.run("rollback", "prod", "--reason", "it is bad", "--plan", "--json", cwd=root).json
    assert {(m["from"], m["to"]) for m in shown[0]["moves"]} == {(digests[1], digests[0])}
    done = site.run("rollback", "prod", "--reason", "it is bad", cwd=root)
    assert done.out.count(f" → {digests[0][7:19]}") == 3 and "hello stay there until" in done.err
    site.run("run", cwd=root)
    current = site.run("current", "--env", "prod", "--json", cwd=root).json
    assert {tag["digest"] for tag in current["tags"]} == {digests[0]} and "hello" in current["pins"]
    site.run("verify", bad["promoted"][0], cwd=root)
    site.run("rollback", "prod", "hello", "--to", "2", "--reason", "it was not", cwd=root)
    current = site.run("current", "--env", "prod", "--json", cwd=root).json
    assert {tag["digest"] for tag in current["tags"]} == {digests[1]} and not current["pins"]
    assert "0 problems" in site.run("history", "--env", "prod", "--check", cwd=root).err
