"""What earlier commands left in the user's cache: changed bytes are as if they were not there."""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from pipeline.plan import Plan, make_plan, plan_of
from tests.fuzz.hostile import changed_bytes
from tests.fuzz.target import Target
from tests.plan.cache.test_cache import SOURCE


@cache
def _kept() -> tuple[Plan, str, bytes, dict[str, bytes]]:
    """The plan; the name and bytes of its file; the files of compiled templates below the cache."""
    folder = Path(tempfile.mkdtemp(prefix="lockage-fuzz-cache-"))
    try:
        plan_of(SOURCE, cache=folder)
        [stored] = (folder / "plans").glob("*.json")
        compiled = {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted((folder / "templates").rglob("*"))
            if path.is_file()
        }
        return make_plan(SOURCE), stored.name, stored.read_bytes(), compiled
    finally:
        shutil.rmtree(folder)


@st.composite
def _plans(draw: DrawFn) -> bytes:
    return draw(changed_bytes([_kept()[2]]))


@st.composite
def _bytecode(draw: DrawFn) -> bytes:
    return draw(changed_bytes(list(_kept()[3].values())))


def read_plan(content: bytes, folder: Path) -> None:
    """A stored plan."""
    expected, name, _, _ = _kept()
    (folder / "plans").mkdir()
    (folder / "plans" / name).write_bytes(content)
    found = plan_of(SOURCE, cache=folder)
    assert found == expected and found.to_json() == expected.to_json()


def read_bytecode(content: bytes, folder: Path) -> None:
    """Compiled templates, all of them replaced."""
    expected, _, _, compiled = _kept()
    for path in compiled:
        (folder / path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / path).write_bytes(content)
    assert plan_of(SOURCE, cache=folder) == expected


TARGETS = (
    Target("plan-cache", _plans(), read_plan, examples=60),
    Target("bytecode", _bytecode(), read_bytecode, examples=30),
)
