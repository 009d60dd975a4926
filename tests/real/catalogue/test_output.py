"""Data on stdout, the story on stderr, JSON everywhere, `-C`; what is written is checked, what is asked is answered."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.real import samples
from tests.real.site import Site

pytestmark = pytest.mark.real

COMMANDS = [
    ("plan",),
    ("graph",),
    ("generate", "--check"),
    ("generate",),
    ("lock", "--check"),
    ("build",),
    ("scan",),
    ("sbom",),
    ("test",),
    ("push",),
    ("sign",),
    ("run",),
    ("verify",),
    ("promote", "--to", "prod"),
    ("status",),
    ("up",),
    ("env",),
]


def test_every_command_speaks_json_and_works_from_elsewhere(
    site: Site, project: Callable[..., Path], tmp_path: Path
) -> None:
    root = project({**samples.hello(), ".gitignore": "dist/\n"})
    for name, *options in COMMANDS:
        expected = 3 if options == ["--check"] and name == "generate" else None if name == "lock" else 0
        done = site.run("-C", root, name, *options, "--json", cwd=tmp_path, expect=expected)
        assert isinstance(json.loads(done.out), (dict, list)), name
    assert (root / "dist/hello/1.2.3/Dockerfile").is_file()


def test_the_plan_is_the_same_bytes_wherever_it_is_made(
    site: Site, project: Callable[..., Path], tmp_path: Path
) -> None:
    root = project(samples.hello())
    here = site.run("plan", "--json", cwd=root).out
    assert here == site.start("-C", root, "plan", "--json", cwd=tmp_path, LANG="C", TZ="Asia/Tokyo").out


def test_generate_writes_what_check_announced_and_then_nothing(
    site: Site, project: Callable[..., Path]
) -> None:
    root = project(samples.hello())
    announced = site.run("generate", "--check", "--json", cwd=root, expect=3).json["changes"]
    assert site.run("generate", "--json", cwd=root).json["changes"] == announced
    assert site.run("generate", "--check", cwd=root).out == ""


def test_a_plain_run_is_a_table_without_colours(site: Site, project: Callable[..., Path]) -> None:
    done = site.run("run", cwd=project(samples.hello()))
    assert done.out.split()[:4] == ["image", "tag", "platform", "status"]
    assert "\x1b" not in done.out + done.err


def test_status_says_where_images_come_from(site: Site) -> None:
    assert "stand-ins of the lab" in site.run("status").out
