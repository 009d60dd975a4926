"""What the lock pins beside what a registry has: `outdated`, and runs that pin nothing themselves (`--locked`)."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.config.values import Tools
from tests.real import samples
from tests.real.site import Site
from tests.real.tools import crane, tags

pytestmark = pytest.mark.real

TOOLS = len(dataclasses.fields(Tools)) - 1
"""Every tool is a reference of the lock, whichever the catalogue uses; grype where a policy has it as scanner."""


@pytest.fixture
def base(site: Site, request: pytest.FixtureRequest) -> str:
    """A base of the test's own in the site's registry: `repository`, with the tag 1.2.0-slim."""
    repository = f"{site.registry}/bases/{request.node.name.replace('_', '-')}"
    crane(
        "copy", f"{site.registry}/mirror/docker.io/library/debian:bookworm-slim", f"{repository}:1.2.0-slim"
    )
    return repository


def catalogue(project: Callable[..., Path], base: str) -> Path:
    """An image based on it."""
    root = project(samples.system(base=f"FROM {base}:1.2.0-slim\n"))
    text = (root / "lockage.yml").read_text()
    (root / "lockage.yml").write_text(
        text.replace("docker.io/library/debian:bookworm-slim", f"{base}:1.2.0-slim")
    )
    return root


def row(found: dict, base: str) -> dict:
    [one] = [r for r in found["references"] if r["reference"] == f"{base}:1.2.0-slim"]
    return one


def test_a_tag_that_moves_and_a_newer_one(site: Site, project: Callable[..., Path], base: str) -> None:
    root = catalogue(project, base)
    before = site.run("outdated", "--json", cwd=root, expect=3).json
    assert {r["state"] for r in before["references"]} == {"not locked"} and before["outdated"] == TOOLS + 1
    site.run("lock", cwd=root)
    quiet = site.run("outdated", cwd=root)
    assert quiet.out == "" and f"{TOOLS + 1} references, 0 differ from the lock" in quiet.err
    first = crane("digest", f"{base}:1.2.0-slim")

    for tag in ("1.3.0-slim", "1.10.0-slim", "1.1.0-slim", "2.0.0", "bookworm-slim"):
        crane("tag", f"{base}:1.2.0-slim", tag)
    assert site.run("outdated", "--json", cwd=root).json["outdated"] == 0, "newer tags only when asked for"
    newer = site.run("outdated", "--newer-tags", "--json", cwd=root, expect=3).json
    assert row(newer, base) == {
        "reference": f"{base}:1.2.0-slim",
        "state": "current",
        "locked": first,
        "now": first,
        "newer": ["1.10.0-slim", "1.3.0-slim"],
    }

    crane("mutate", "--label", "moved=yes", "--tag", f"{base}:1.2.0-slim", f"{base}:1.3.0-slim")
    second = crane("digest", f"{base}:1.2.0-slim")
    moved = row(site.run("outdated", "--json", cwd=root, expect=3).json, base)
    assert (moved["state"], moved["locked"], moved["now"]) == ("moved", first, second)
    table = site.run("outdated", "--newer-tags", cwd=root, expect=3)
    assert table.out.splitlines()[0].split() == ["reference", "state", "locked", "now", "newer", "tags"]
    assert "1.10.0-slim, 1.3.0-slim" in table.out and "next: lockage lock" in table.err
    site.run("lock", cwd=root)
    assert row(site.run("outdated", "--json", cwd=root).json, base)["locked"] == second

    crane("delete", f"{base}:1.2.0-slim")
    assert "1.2.0-slim" not in tags(base)
    gone = row(site.run("outdated", "--json", cwd=root, expect=3).json, base)
    assert (gone["state"], gone["now"]) == ("gone", None)


def test_locked_pins_nothing_and_takes_what_is_pinned(
    site: Site, project: Callable[..., Path], base: str
) -> None:
    root = catalogue(project, base)
    for command in (("plan",), ("generate",), ("graph",), ("build",), ("run",)):
        refused = site.run(*command, "--locked", "--json", cwd=root, expect=3).json
        problems = refused["error"]["problems"]
        assert len(problems) == TOOLS + 1 and all(p["message"] == "is not locked" for p in problems)
        assert refused["error"]["hint"].startswith("`lockage lock`")
    assert site.run("lock", "--check", "--json", cwd=root, expect=3).json["changes"]
    assert not (root / "dist").exists()

    path = Path(site.run("lock", "--json", cwd=root).json["path"])
    kept = path.read_bytes(), path.stat().st_mtime_ns
    first = crane("digest", f"{base}:1.2.0-slim")
    crane("mutate", "--label", "moved=yes", "--tag", f"{base}:1.2.0-slim", f"{base}:1.2.0-slim")
    built = site.run("run", "--locked", "--json", cwd=root).json["targets"][0]
    assert built["status"] == "built"
    [reference] = json.loads(site.run("plan", "--locked", "--json", cwd=root).out)["targets"][0]["bases"]
    assert reference["reference"].endswith(f"@{first}")
    assert (path.read_bytes(), path.stat().st_mtime_ns) == kept

    (root / "images/hello/Dockerfile.tmpl").write_text(f"FROM {base}:1.3.0-slim\n")
    text = (root / "lockage.yml").read_text()
    (root / "lockage.yml").write_text(text.replace("1.2.0-slim", "1.3.0-slim"))
    more = site.run("build", "--locked", "--json", cwd=root, expect=3).json["error"]["problems"]
    assert [p["key"] for p in more] == [f"images['{base}:1.3.0-slim']"]
    assert (path.read_bytes(), path.stat().st_mtime_ns) == kept


def test_a_snapshot_is_planned_and_built_under_tags_of_its_own(
    site: Site, project: Callable[..., Path]
) -> None:
    child = {
        "images/child/image.yml": samples.image("2.0.0"),
        "images/child/Dockerfile.tmpl": "FROM hello:1\nRUN echo child > /etc/child\n",
    }
    root = project({**samples.system(), **child})
    plan = site.run("plan", "--snapshot-id", "mr-7", "--json", cwd=root).json
    assert plan["snapshot_id"] == "mr-7"
    assert [t["tags"] for t in plan["targets"]] == [["1.2.3-mr-7"], ["2.0.0-mr-7"]]
    assert plan["targets"][1]["bases"][0]["name"] == "hello:1.2.3-mr-7"
    site.run("generate", "--snapshot-id", "mr-7", cwd=root)
    assert (root / "dist/child/2.0.0/Dockerfile").read_text().startswith("FROM hello:1.2.3-mr-7\n")
    plain = site.run("build", "--json", cwd=root).json["targets"]
    again = site.run("build", "--snapshot-id", "mr-7", "--json", cwd=root).json["targets"]
    assert [t["digest"] for t in again] == [t["digest"] for t in plain], "the same content is not built twice"
    assert {t["status"] for t in again} == {"reused"}
    wrong = site.run("plan", "--snapshot-id", "a b", cwd=root, expect=2)
    assert "'a b' cannot stand in a tag" in wrong.err
