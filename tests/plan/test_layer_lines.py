"""Which instruction made a layer, by the history that BuildKit writes."""

from __future__ import annotations

import pytest

from pipeline.plan import Target, make_plan
from pipeline.plan.layer_lines import layer_lines
from pipeline.plan.template_lines import TemplateLines
from tests.catalogue.sample import LOCK, folder, image, source

BASE = (("base", True), ('CMD ["bash"]', False))
OWN = (
    ("ARG WORD=x", False),
    ("RUN |1 WORD=x /bin/sh -c echo one # buildkit", True),
    ("COPY rootfs/ / # buildkit", True),
    ('CMD ["sh"]', False),
)
DOCKERFILE = """\
# words
FROM debian:12 AS build
RUN make
FROM debian:12 AS common
ARG WORD=x
ONBUILD RUN never
FROM common
RUN \\
    echo one
COPY rootfs/ /
CMD ["sh"]
"""


def target(dockerfile: str = DOCKERFILE) -> tuple[Target, TemplateLines]:
    plan = make_plan(source(folder("app", image(template=dockerfile))), lock=LOCK)
    return plan.targets[0], TemplateLines(plan)


def test_a_layer_belongs_to_its_instruction_and_older_ones_to_from() -> None:
    assert layer_lines(target()[0], (*BASE, *OWN)) == (4, 8, 10)


@pytest.mark.parametrize(
    "history",
    [(*BASE, *OWN[1:]), (*BASE, *OWN, ("RUN later", True)), OWN[1:], (*BASE, OWN[1], OWN[0], *OWN[2:])],
)
def test_another_history_is_the_bases(history: tuple[tuple[str, bool], ...]) -> None:
    """Of an image that was built by something else, only FROM is known."""
    lines = layer_lines(target()[0], history)
    assert set(lines) == {4} and len(lines) == sum(makes_layer for _, makes_layer in history)


def test_an_image_from_nothing_has_lines_too() -> None:
    found, _ = target("FROM scratch\nADD https://example.org/a /a\n")
    assert layer_lines(found, (("ADD https://example.org/a /a # buildkit", True),)) == (2,)


def test_an_external_image_has_none_but_an_entry_in_the_catalogue() -> None:
    files = {"image.yml": "tags:\n  - {name: 1.0.0, external: 'ghcr.io/acme/tools:1'}\n"}
    plan = make_plan(source(folder("app", files)), lock=LOCK)
    assert layer_lines(plan.targets[0], OWN) == (0, 0)
    lines = TemplateLines(plan)
    assert lines.of(plan.targets[0].id, 1) is None
    assert lines.definition(plan.targets[0].id) == ("images/app/image.yml", 2)


def test_lines_of_a_template_are_found_again_and_again() -> None:
    found, lines = target("{% if true %}\nFROM debian:12\n{% endif %}\nRUN a\n")
    numbers = [lines.of(found.id, n) for n in (2, 4, 2)]
    assert numbers == [("images/app/Dockerfile.tmpl", 2), ("images/app/Dockerfile.tmpl", 4), *numbers[:1]]
