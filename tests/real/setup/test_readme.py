"""The README's first command, from a fresh clone, on the repository's own images; and again."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from pipeline.cli.parser import make_parser
from tests.real.site import ROOT, Site
from tests.tools.git import git

pytestmark = pytest.mark.real


def first_command(clone: Path, site: Site) -> subprocess.CompletedProcess[str]:
    """`./lockage run`, as it stands in README.md."""
    assert "./lockage run " in (ROOT / "README.md").read_text()
    return subprocess.run(
        ["./lockage", "run"],
        cwd=clone,
        env=site.env,
        capture_output=True,
        text=True,
        timeout=3000,
        check=False,
    )


def test_the_first_command_does_it_all_and_then_nothing(site: Site, clone: Path) -> None:
    done = first_command(clone, site)
    assert done.returncode == 0, done.stderr
    header, *rows = done.stdout.splitlines()
    columns = "image tag platform status digest size packages findings tests signature promoted"
    assert header.split() == columns.split()
    assert len(rows) >= 5
    assert all(" verified " in row and " staging/" in row for row in rows), done.stdout
    assert "CVE-2099-0001 in curl ignored until" in done.stderr
    closer = re.findall(r"^  lockage (.+)$", done.stderr, re.MULTILINE)
    assert len(closer) == 3
    for command in closer:
        site.run(*command.split(), cwd=clone)

    again = first_command(clone, site)
    assert again.returncode == 0
    assert "Nothing to do" in again.stderr and "engine not started" in again.stderr
    assert [row.split()[4] for row in again.stdout.splitlines()[1:]] == [row.split()[4] for row in rows]
    assert git(clone, "status", "--porcelain") == ""


def test_documented_commands_exist() -> None:
    """Every `lockage COMMAND` in the documentation is one that the program has."""
    known = next(a.choices for a in make_parser()._actions if a.choices and "run" in a.choices)
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for command in re.findall(r"`(?:\./)?lockage ([a-z]+)[` ]", page.read_text()):
            assert command in known, f"{page.name}: lockage {command}"


def test_variables_that_hints_name_are_documented() -> None:
    """A next step that does not exist is worse than none."""
    documented = "".join(p.read_text() for p in (ROOT / "docs").glob("*.md"))
    for source in sorted((ROOT / "pipeline").rglob("*.py")):
        for line in source.read_text().splitlines():
            if "hint=" in line:
                for name in re.findall(r"LOCKAGE_[A-Z_]+", line):
                    assert name in documented, f"{source.relative_to(ROOT)}: {name}"
