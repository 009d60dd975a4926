"""Each row of docs/limits.md names a constant that exists and has that value, and no limit of a room is left out."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROW = re.compile(r"^\| (?P<what>.+?) \| (?P<limit>.+?) \| `(?P<constant>[\w.]+)` \|$")
UNITS = {
    "": 1,
    "bytes": 1,
    "characters": 1,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
    "EiB": 2**60,
}
UNITS |= {"s": 1, "min": 60, "h": 3600, "KiB/s": 2**10}
COMPLETE = (
    "pipeline.forge.limits",
    "pipeline.model.limits",
    "pipeline.oci.limits",
    "pipeline.registry.limits",
    "pipeline.trust.limits",
)
"""Modules of which every constant is in the table."""


def rows() -> list[re.Match[str]]:
    """The rows of all tables but the catalogue's, whose errors tests/catalogue/test_limits.py looks for; headings and
    lines between them left out."""
    text = (ROOT / "docs/limits.md").read_text(encoding="utf-8")
    sections = [section for section in text.split("\n## ") if not section.startswith("Catalogue")]
    table = [line for section in sections for line in section.splitlines() if line.startswith("|")]
    content = [
        line for line in table if not line.startswith("|---") and line != "| what | limit | constant |"
    ]
    matches = [ROW.match(line) for line in content]
    assert all(matches), [line for line, match in zip(content, matches, strict=True) if not match]
    return [match for match in matches if match]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["constant"])
def test_the_constant_has_this_value(row: re.Match[str]) -> None:
    number, _, unit = row["limit"].partition(" ")
    module, _, name = row["constant"].rpartition(".")
    assert float(number.replace(",", "")) * UNITS[unit] == getattr(importlib.import_module(module), name)


@pytest.mark.parametrize("module", COMPLETE)
def test_no_limit_is_left_out(module: str) -> None:
    constants = {f"{module}.{name}" for name in vars(importlib.import_module(module)) if name.isupper()}
    imported = {f"{module}.{unit}" for unit in ("KIB", "MIB", "GIB", "TIB", "EIB")}
    assert constants - imported == {
        row["constant"] for row in rows() if row["constant"].startswith(f"{module}.")
    }


def test_no_constant_is_listed_twice() -> None:
    constants = [row["constant"] for row in rows()]
    assert len(constants) == len(set(constants))
