"""From the command that failed to the line that said so."""

from __future__ import annotations

import pytest

from pipeline.run.locate import failing_line

DOCKERFILE = """\
FROM debian:bookworm-slim
RUN apt-get update \\
    # a comment between
    && apt-get install --yes nothing
RUN --mount=type=cache,target=/x   echo  two
RUN ["sleep", "1"]
RUN echo same
RUN echo same
"""


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (("/bin/sh", "-c", "apt-get update     && apt-get install --yes nothing"), 2),
        (("/bin/sh", "-c", "echo  two"), 5),
        (("sleep", "1"), 6),
        (("/bin/sh", "-c", "echo same"), None),  # two fit: nothing is claimed
        (("/bin/sh", "-c", "something else"), None),
        ((), None),
    ],
)
def test_the_line_of_a_command(command: tuple[str, ...], line: int | None) -> None:
    assert failing_line(DOCKERFILE, command) == line
