"""Arguments of a build that are the program's own."""

from __future__ import annotations

import pytest

from pipeline.engine.build import EPOCH, FRESH, _sets, declares, uncached


@pytest.mark.parametrize(
    ("dockerfile", "declared", "set_by_env"),
    [
        ("FROM a\nARG SOURCE_DATE_EPOCH\nRUN b", True, False),
        ("ARG SOURCE_DATE_EPOCH=0\nFROM a\n", True, False),
        ("FROM a\narg A=1 SOURCE_DATE_EPOCH=3", True, False),
        ("FROM a\nARG SOURCE_DATE_EPOCH\nENV A=b \\\n  SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH\n", True, True),
        ("FROM a\nARG SOURCE_DATE_EPOCHS\n# ARG SOURCE_DATE_EPOCH\n", False, False),
        ("FROM a\nRUN SOURCE_DATE_EPOCH=1 b", False, False),
    ],
)
def test_who_declares_the_epoch_and_who_keeps_it(dockerfile: str, declared: bool, set_by_env: bool) -> None:
    assert declares(dockerfile, EPOCH) is declared
    assert _sets(dockerfile, EPOCH) is set_by_env


def test_a_fresh_build_has_a_new_word_in_every_stage() -> None:
    text = uncached("FROM a AS x\nRUN b\nFROM x\nRUN c", "word")
    assert text == f"FROM a AS x\nARG {FRESH}=word\nRUN b\nFROM x\nARG {FRESH}=word\nRUN c"
