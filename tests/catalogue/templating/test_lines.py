"""From a line of a generated Dockerfile back to the template's, through loops, blocks and includes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.plan import template_line
from tests.catalogue.sample import folder, image, plan, problems

MORE = "variables: {packages: [a, b], text: 'x\n\n  # y'}\nvariants: [dev]\n"


def lines(template, tag="1.0.0", extra=()):
    files = folder("i", image(more=MORE, template=template)) | dict(extra)
    found = plan(files)
    target = next(t for t in found.targets if t.tag == tag)
    count = target.dockerfile.count("\n")
    places = [template_line(found, target.id, n) for n in range(1, count + 1)]
    return [None if p is None else (p[0].removeprefix("images/"), p[1]) for p in places], target.dockerfile


def numbers(template, tag="1.0.0", extra=()):
    return [None if p is None else p[1] for p in lines(template, tag, extra)[0]]


TABLE = [
    ("FROM debian:12\nRUN a\nRUN b\n", [1, 2, 3]),
    (
        "FROM debian:12\n{% for p in variables.packages %}\nRUN {{ p }}\n{% endfor %}\nUSER 1\n",
        [1, 3, 3, 5],
    ),
    (
        "FROM debian:12\n{% for p in variables.packages -%}\nRUN {{ p }}\n{% endfor -%}\nUSER 1\n",
        [1, 3, 3, 5],
    ),
    ("{# c\n c #}FROM debian:12\n{%- if variant %}\nRUN a\n{%- endif %}\nUSER 1\n", [2, 6]),
    ("FROM debian:12\n# {{ variables.text }}\nUSER 1\n", [1, 2, 2, 3]),
    ("{{ 'FROM debian:12' }}\nUSER 1\n", [1, 2]),
    ("{% set x = 1 %}\n\n{%- set y = 2 -%}\n\nFROM debian:12\nUSER 1\n", [5, 6]),
    (
        "{% macro run(x) %}\nRUN {{ x }}\n{% endmacro %}FROM debian:12\n{{ run(1) }}\nUSER 1\n",
        [3, 2, 5],
    ),
]


@pytest.mark.parametrize(("template", "expected"), TABLE)
def test_lines(template, expected):
    places, text = lines(template)
    assert [p[1] for p, line in zip(places, text.splitlines(), strict=True) if line] == expected


def test_includes_are_named():
    extra = {"_shared/tools.tmpl": "RUN one\nRUN two\n"}
    places, text = lines("FROM debian:12\n{% include '_shared/tools.tmpl' %}USER 1\n", extra=extra.items())
    assert text == "FROM debian:12\nRUN one\nRUN two\nUSER 1\n"
    assert places == [
        ("i/Dockerfile.tmpl", 1),
        ("_shared/tools.tmpl", 1),
        ("_shared/tools.tmpl", 2),
        ("i/Dockerfile.tmpl", 2),
    ]


def test_the_copy_that_was_put_in_comes_from_from():
    extra = {"i/rootfs/x": ""}
    template = "# c\nFROM debian:12 \\\n  AS x\nRUN a\n"
    places, text = lines(template, extra=extra.items())
    assert text.splitlines()[3] == "COPY --chown=0:0 rootfs/ /"
    assert [p[1] for p in places] == [1, 2, 3, 3, 4]


def test_nothing_is_claimed_that_is_not_sure():
    assert numbers("FROM debian:12\n{% filter upper %}run x\n{% endfilter %}") == [1, 2]
    assert numbers("FROM debian:12\n{% set t %}a\n{% endset %}# {{ t | length }}\n") == [None, None]
    assert template_line(plan(folder("i", image())), "i/1.0.0/linux-amd64", 99) is None


def test_problems_are_at_the_template_line():
    loop = "{% for p in variables.packages %}RUN {{ p }}\n{% endfor %}"
    found = problems(folder("i", image(more=MORE, template=f"FROM debian:12\n{loop}FROM nope:1\n")))
    assert found[0].startswith("images/i/Dockerfile.tmpl:3:1: FROM: unknown base nope:1 (i:1.0.0 and 1 more)")
    files = folder("i", image(more=MORE, template="{% include 'b.tmpl' %}")) | {"b.tmpl": "\nFROM nope:1\n"}
    assert problems(files)[0].startswith("images/b.tmpl:2:1: FROM: unknown base nope:1")


PIECES = st.sampled_from(
    [
        "RUN a\n",
        "\n",
        "{# c #}",
        "{# c\n#}",
        "{{ tag }}\n",
        "{% if tag %}",
        "{% endif %}",
        "{%- if 1 -%}\n",
        " x ",
    ]
)


@given(st.lists(PIECES, max_size=8))
def test_a_line_of_plain_text_is_found_where_it_stands(pieces):
    blocks = sum(p.count(" if ") for p in pieces) - sum(p.count("endif") for p in pieces)
    body = "".join(pieces) + "{% endif %}" * max(blocks, 0)
    template = f"FROM debian:12\n{body}\nLABEL here=1\n"
    try:
        places, text = lines(template)
    except Exception:  # blocks that do not match
        return
    at = text.splitlines().index("LABEL here=1")
    assert places[at] == ("i/Dockerfile.tmpl", template.splitlines().index("LABEL here=1") + 1)
