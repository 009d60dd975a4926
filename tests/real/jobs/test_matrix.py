"""A matrix as runners use it: its jobs build what is unknown, each once, and then there is nothing left to do."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from tests.real import samples
from tests.real.conftest import checkout
from tests.real.site import Site

pytestmark = pytest.mark.real


def image(name: str, base: str) -> dict[str, str]:
    """An image of one file."""
    return {
        f"images/{name}/image.yml": samples.image("1.0.0"),
        f"images/{name}/Dockerfile.tmpl": f"FROM {base}\nCOPY rootfs /\n",
        f"images/{name}/rootfs/{name}": f"{name}\n",
    }


def test_jobs_build_everything_once_and_an_empty_matrix_ends_green(site: Site, tmp_path: Path) -> None:
    files = image("low", "scratch") | image("high", "low:1.0.0") | image("alone", "scratch")
    root = checkout(tmp_path / "project", __name__, files)
    jobs = site.run("plan", "--matrix", "json", cwd=root).json
    assert [job["name"].partition(" (")[0] for job in jobs] == ["alone:1.0.0", "low:1.0.0 and 1 more"]
    high = jobs[1]
    built = site.run("build", *shlex.split(high["args"]), "--json", cwd=root).json["targets"]
    assert {target["image"]: target["status"] for target in built} == {"low": "built", "high": "built"}
    (left,) = site.run("plan", "--matrix", "json", cwd=root).json
    assert left == jobs[0]
    lines = site.run(
        "plan", "--matrix", "github", "--runner", f"{left['platform']}=mine", cwd=root
    ).out.splitlines()
    matrix, count = (line.partition("=")[2] for line in lines)
    assert (json.loads(matrix)["include"], count) == ([left | {"runner": "mine"}], "1")
    site.run("build", *shlex.split(left["args"]), cwd=root)
    assert site.run("plan", "--matrix", "github", cwd=root).out == 'matrix={"include":[]}\njobs=0\n'
    (root / "images/alone/rootfs/alone").write_text("two\n")
    assert [job["id"] for job in site.run("plan", "--matrix", "json", cwd=root).json] == [left["id"]]
    assert site.run("plan", "--matrix", "json", "high", cwd=root).json == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--runner", "linux/amd64=x"], "belong to --matrix"),
        (["--matrix", "json", "--runner", "amd64"], "--runner"),
        (["--matrix", "json", "--runner", "linux/amd64"], "is not PLATFORM=LABEL"),
        (["--matrix", "json", "--max-jobs", "0"], "--max-jobs"),
        (["--matrix", "circle"], "--matrix"),
    ],
)
def test_what_is_no_matrix(site: Site, tmp_path: Path, options: list[str], message: str) -> None:
    root = checkout(tmp_path / "project", __name__, image("a", "scratch"))
    assert message in site.run("plan", *options, cwd=root, expect=2).err
