"""The stages that a build runs."""

from __future__ import annotations

import pytest

from pipeline.dockerfile.stages import used_instructions, used_stages


@pytest.mark.parametrize(
    ("dockerfile", "used"),
    [
        ("", set()),
        ("RUN x\n", set()),
        ("FROM a\n", {0}),
        ("FROM a AS s\nFROM b\n", {1}),
        ("FROM a AS S\nFROM s\n", {0, 1}),
        (
            "FROM a AS s\nFROM b\nFROM S\n",
            {2},
        ),  # names of stages are in lower case, images cannot have capitals
        ("FROM a AS s\nFROM b\nCOPY --from=S / /\n", {0, 1}),
        ("FROM a\nFROM b\nFROM c\nCOPY --from=1 / /\n", {1, 2}),
        ("FROM a\nFROM b\nRUN --mount=from=0,target=/x x\n", {1}),  # an image: mounts take no numbers
        ("FROM a AS s\nFROM b\nRUN --mount=type=cache,from=s,target=/x x\n", {0, 1}),
        ("FROM a AS s\nFROM b AS t\nCOPY --from=s / /\nFROM c\nCOPY --from=t / /\n", {0, 1, 2}),
        ("FROM a AS s\nFROM b AS t\nCOPY --from=s / /\nFROM c\n", {2}),
        ("FROM a AS s\nFROM s AS s\nFROM s\n", {0, 1, 2}),
        ("FROM a AS s\nFROM b AS o\nONBUILD COPY --from=s / /\nFROM o\n", {0, 1, 2}),
        ("FROM a AS s\nFROM b\nONBUILD COPY --from=s / /\n", {1}),
        ("FROM a AS s\nCOPY --from=t / /\nFROM b AS t\nCOPY --from=s / /\n", {0, 1}),
        ("ARG V\nFROM a AS s-1\nFROM b\nFROM s-$V\n", {0, 1, 2}),
        ("FROM a\nCOPY --from=9 / /\n", {0}),
    ],
)
def test_used_stages(dockerfile: str, used: set[int]) -> None:
    assert used_stages(dockerfile) == used


def test_instructions_of_unused_stages_are_left_out() -> None:
    text = "ARG A\nFROM a AS s\nRUN x\nFROM b\nUSER u\n"
    assert [instruction.keyword for instruction in used_instructions(text)] == ["FROM", "USER"]
