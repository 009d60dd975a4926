"""docs/architecture.md describes the house as it stands: what it names is there, and every room is in its tree."""

from __future__ import annotations

import re
from pathlib import Path

from tests.test_rooms import ARROWS

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "docs" / "architecture.md").read_text("utf-8")
_PATH = re.compile(r"`([a-z_]+/[a-z_/]*(?:[a-z_]\.(?:py|sh)|/))`")


def test_every_path_that_is_named_exists() -> None:
    paths = set(_PATH.findall(TEXT))
    assert len(paths) > 100
    assert (
        sorted(path for path in paths if not any((at / path).exists() for at in (ROOT / "pipeline", ROOT)))
        == []
    )


def test_every_room_is_in_the_tree() -> None:
    tree = TEXT.split("```")[1]
    assert sorted(room for room in ARROWS if not re.search(rf"\b{room}\b", tree)) == []
