"""Each threat in docs/trust.md names a test that there is."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_TEST = re.compile(r"`([\w/]+/test_\w+\.py)`: `(\w+)`")


def test_every_row_of_the_table_names_its_test() -> None:
    section = (ROOT / "docs" / "trust.md").read_text().partition("## Threats\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 15
    named = []
    for row in rows:
        assert len(row) == 4, row
        match = _TEST.fullmatch(row[3])
        assert match, row
        file, name = match.groups()
        tree = ast.parse((ROOT / "tests" / file).read_text())
        functions = {
            node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert name in functions, row
        named.append((file, name))
    assert len(set(named)) == len(named), "two threats by one test"
