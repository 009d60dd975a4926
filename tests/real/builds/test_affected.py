"""Only what a change touches is taken through the stages; its bases are found by their keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.real.site import Site
from tests.tools.git import commit

pytestmark = pytest.mark.real

FILES = {
    "images/low/image.yml": "tags: [1.0.0]\n",
    "images/low/Dockerfile.tmpl": "FROM debian:bookworm-slim\nRUN echo low > /low\n",
    "images/high/image.yml": "tags: [2.0.0]\n",
    "images/high/Dockerfile.tmpl": "FROM low:1\nRUN cat /low > /high\n",
    "images/beside/image.yml": "tags: [3.0.0]\n",
    "images/beside/Dockerfile.tmpl": "FROM debian:bookworm-slim\n",
}


def test_a_change_is_built_with_what_stands_on_it_and_nothing_else(
    site: Site, project: Callable[..., Path]
) -> None:
    root = project(FILES)
    first = site.run("build", "low", "--json", cwd=root).json
    assert {t["id"]: t["status"] for t in first["targets"]} == {"low/1.0.0/linux-amd64": "built"}
    (root / "images/high/Dockerfile.tmpl").write_text("FROM low:1\nRUN cat /low /low > /high\n")
    done = site.run("build", "--affected", "HEAD", "--json", cwd=root).json
    assert {t["id"]: t["status"] for t in done["targets"]} == {
        "low/1.0.0/linux-amd64": "reused",
        "high/2.0.0/linux-amd64": "built",
    }
    names = site.run("build", "--changed-files-from", "names", "--json", cwd=_with_names(root)).json
    assert [t["status"] for t in names["targets"]] == ["reused", "reused"]


def test_nothing_is_affected_and_nothing_is_done(site: Site, project: Callable[..., Path]) -> None:
    root = project(FILES)
    (root / "images/low/image.yml").write_text("# words\ntags: [1.0.0]\n")
    for command in (["run"], ["test"], ["promote", "--to", "prod"]):
        done = site.run(*command, "--affected", "HEAD", "--json", cwd=root)
        assert "nothing is affected" in done.err
        assert not (done.json["targets"] if isinstance(done.json, dict) else done.json)
    assert commit(root)
    assert "nothing is affected" in site.run("run", "--affected", "HEAD", cwd=root).err


def _with_names(root: Path) -> Path:
    (root / "names").write_text("images/high/Dockerfile.tmpl\n")
    return root
