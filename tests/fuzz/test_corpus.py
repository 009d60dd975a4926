"""What the fuzzers found once is read again: each kept input gives a value or a documented error."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.kept import FOLDER, entries
from tests.fuzz.target import check
from tests.fuzz.targets import TARGETS

_KEPT = [(name, path) for name in sorted(TARGETS) for path in entries(name)]


@pytest.mark.parametrize(("name", "path"), _KEPT, ids=[f"{name}/{path.name}" for name, path in _KEPT])
def test_a_kept_input(name: str, path: Path, tmp_path: Path) -> None:
    check(TARGETS[name], path.read_bytes(), tmp_path.resolve())


def test_every_kept_input_has_a_target_and_is_small() -> None:
    assert {path.name for path in FOLDER.iterdir()} <= set(TARGETS)
    assert [path for path in FOLDER.rglob("*") if path.is_file() and path.stat().st_size > 64 * 1024] == []
