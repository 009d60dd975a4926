"""Every kind of input from outside: the same hostile inputs each time, none of which may show a fault."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from tests.fuzz.search import Search
from tests.fuzz.targets import TARGETS

_WORKING = 10  # inputs, as of properties


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_no_input_shows_a_fault(name: str, tmp_path: Path) -> None:
    examples = TARGETS[name].examples
    if settings.get_current_profile_name() == "working":  # tests/conftest.py
        examples = max(_WORKING, examples // 10)
    search = Search(TARGETS[name], tmp_path.resolve())
    search.run(examples)
    if not search.good:  # a few may all be refused
        search.run(TARGETS[name].examples)
    assert [f"{content!r:.2000}\n{fault}" for content, fault in search.found.values()] == []
    assert search.good  # not all are refused at the door
