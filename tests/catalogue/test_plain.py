"""Plain templates: rendered without jinja2, to the text that jinja2 gives, or left to it."""

from __future__ import annotations

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from pipeline.catalogue.templating.limits import MAX_OUTPUT, MAX_STEPS
from pipeline.catalogue.templating.plain import Plain
from pipeline.catalogue.templating.templates import Renderer, TemplateProblem, _Variables, _Versions

from .sample import source

CONTEXT = {
    "image": "python",
    "tag": "3.11.2-dev",
    "base_tag": "3.11.2",
    "variant": "dev",
    "versions": _Versions({"base": "2026.11", "python": "3.11.2"}),
    "variables": _Variables(
        {
            "packages": ["curl", "git", 3, True, None],
            "none": None,
            "on": True,
            "off": False,
            "zero": 0,
            "text": "a b\n c",
            "empty": [],
            "map": {"inner": {"x": "X"}, "list": [["a"], {"b": "c"}]},
        }
    ),
}
WITHOUT = CONTEXT | {"variant": None, "versions": _Versions({}), "variables": _Variables({"packages": "abc"})}


def outcome(renderer: Renderer, context: dict) -> str:
    """What a rendering gives: the text, or the whole problem."""
    try:
        return renderer.render("images/i/t", context, "i:1")
    except TemplateProblem as error:
        return f"problem: {error.problem!r}"


def both(text: str, more: dict[str, str] | None = None) -> list[str | None]:
    """What the plain way says of a template (None: it is jinja2's), having made sure that it is what jinja2 says."""
    files = source({"i/t": text, **(more or {})})
    alone, plain, full = Plain(files), Renderer(files), Renderer(files)
    full._plain = None
    out = []
    for context in (CONTEXT, WITHOUT):
        expected = outcome(full, context)
        assert outcome(plain, context) == expected
        found = alone.render("images/i/t", context)
        assert found is None or found == expected
        out.append(found)
    return out


PLAIN = {
    "FROM debian:12\n": "FROM debian:12\n",
    "": "",
    "\n": "\n",
    "{{ image }}:{{tag}}\n": "python:3.11.2-dev\n",
    "a {{- versions.python -}} b": "a3.11.2b",
    '{{ variables.packages | join(" ") }}': "curl git 3 True None",
    "{{ versions.python | replace('.', '\\\\\\\\.') }}": "3\\\\.11\\\\.2",
    "{{ versions.no | default('x') | upper }}": "X",
    "{{variables.text|upper|lower}}": "a b\n c",
    "{{ variables.map.inner.x }}{{ variables.map }}": "X" + str(CONTEXT["variables"]["map"]),
    "{% if variant %}v{% endif %}": "v",
    "{%- if not variant %}n{% else %}y{% endif -%} \n": "y",
    '{% if variant == "x" %}x{% elif variant != "x" %}z{% endif %}': "z",
    "{% if variables.none is defined %}d{% endif %}{% if variables.no is not defined %}u{% endif %}": "du",
    "{% for p in variables.packages %}{{ p }}{% if not loop.last %},{% endif %}{% endfor %}": "curl,git,3,True,None",
    "{% for p in variables.empty %}{{ p.x.y }}{% endfor %}.": ".",
    "{% for a in variables.map.list %}{% for b in variables.packages %}{{ loop.index0 }}{% endfor %}"
    "{{ loop.index }}/{{ loop.length }}{% endfor %}": "012341/2012342/2",
    "{# {{ gone }} #}a {#- {% x %} -#} b": "ab",
    "}} %} #} { {": "}} %} #} { {",
    "{{ image }}}": "python}",
    "${x} $(y) {z}": "${x} $(y) {z}",
}


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_plain_is_rendered_as_jinja2_renders_it(text):
    assert both(text)[0] == PLAIN[text]


FOR_JINJA2 = [
    "{{ 1 }}",
    "{{ gone }}",
    "{{ versions.gone }}",
    "{{ versions.gone.deeper }}",
    "{{ variables.text.upper }}",
    "{{ variables.items }}",
    "{{ variables.__class__ }}",
    "{{ variables.packages.0 }}",
    "{{ image | title }}",
    "{{ image | join(',') }}",
    "{{ image ~ tag }}",
    "{{ image",
    "{{{ image }}",
    "{{{ image }}}",
    "{{% if image %}",
    "{% if image %}",
    "{% endif %}",
    "{% else %}",
    "{% if image %}{% else %}{% else %}{% endif %}",
    "{% if image %}{% else %}{% elif tag %}{% endif %}",
    "{% if image %}{% endfor %}",
    "{% for p in variables.packages %}{% else %}{% endfor %}",
    "{% for p in variables.packages %}{% endfor %}{{ p }}",
    "{% for image in variables.packages %}{% endfor %}",
    "{% for loop in variables.packages %}{% endfor %}",
    "{% for and in variables.packages %}{% endfor %}",
    "{% for p in image %}{{ p }}{% endfor %}",
    "{% for p in variables.map %}{{ p }}{% endfor %}",
    "{% for p in variables.packages %}{{ loop }}{% endfor %}",
    "{% for p in variables.packages %}{{ loop.cycle }}{% endfor %}",
    "{% for p in variables.packages %}{{ loop.depth is defined }}{% endfor %}",
    "{% for p in variables.packages %}{% include 'x' %}{% endfor %}",
    "{% set x = 1 %}{{ x }}",
    "{% raw %}{{ image }}{% endraw %}",
    "{% include 'gone' %}",
    "{%+ if image %}{% endif %}",
    "{{ image\n}}",
    "{# open",
    "a\r\nb",
    "{{ 'a' }}{# x",
    "{{ '\\x' }}",
    "{{ variables.text | replace('\\x', '') }}",
    "{% if image == 'a' and tag %}{% endif %}",
    "{% if not image == 'a' %}{% endif %}",
    "{{ range(3) }}",
    "{{ not }}",
    "{{ self }}",
]


@pytest.mark.parametrize("text", FOR_JINJA2)
def test_anything_else_is_left_to_jinja2(text):
    assert both(text)[0] is None


def test_includes_are_plain_where_what_they_name_is():
    shared = {"_shared/a": "A {{ image }}\n{% include 'b' %}", "_shared/b": "B{% if variant %}v{% endif %}"}
    text = "{% include '_shared/a' %}{% if image %}{% include \"near\" %}{% endif %}"
    assert both(text, shared | {"i/near": "n"})[0] == "A python\nBvn"
    assert both(text, shared | {"i/near": "{{ 1 }}"})[0] is None
    assert both(text, shared | {"i/near": "{{ gone }}"})[0] is None
    assert both(text, shared)[0] is None  # near is nowhere
    assert both("{% include 't' %}")[0] is None  # itself
    assert both(text, shared | {"i/near": b"\xff"})[0] is None


def test_limits_are_those_of_jinja2():
    turns = "{% for a in variables.packages %}" * 8 + "{% endfor %}" * 8  # 5 + 25 + … + 5**8
    assert MAX_STEPS < 5**8
    assert both(turns)[0] is None
    assert both("x" * MAX_OUTPUT)[0] == "x" * MAX_OUTPUT
    assert both("x" * (MAX_OUTPUT - 1) + "{{ image }}")[0] is None
    nested = "{% if image %}" * 30 + "{% endif %}" * 30
    assert both(nested)[0] is None


def test_open_comments_are_not_searched_for_one_by_one():
    """Counted in steps it would be 10**11; a test that takes the time of many would not end."""
    assert both("{#" * 300_000)[0] is None


PLAIN_PATHS = [
    "image",
    "variant",
    "versions",
    "versions.base",
    "versions.no",
    "variables.packages",
    "variables.map.inner.x",
    "variables.map.list",
    "variables.none",
    "variables.zero",
    "variables.text",
    "variables.empty",
    "p",
]
ODD_PATHS = ["p.b", "loop.last", "loop", "gone", "variables.keys", "variables.no.deep", "true", "range"]
PATHS = st.sampled_from(PLAIN_PATHS * 4 + ODD_PATHS)
LITERALS = st.sampled_from(["''", "'x'", '" "', "'dev'", '"\\n"', "'\\\\'", "'.'", "'\\x'", "'''", '"{"'])
FILTERS = st.one_of(
    st.builds("| join({})".format, LITERALS),
    st.builds("| default({})".format, LITERALS),
    st.builds("| replace({}, {})".format, LITERALS, LITERALS),
    st.sampled_from(["| upper", "|lower", "| length", "| join", "| trim"]),
)
SIGNS = st.sampled_from(["", "", "", "-", "-", "-", "+"])
TEXTS = st.text(alphabet="a \n\té\u2028", max_size=6) | st.text(alphabet="a {}%#-\"'\\\r", max_size=3)


def tag(left: str, inside: str, right: str, brackets: str = "%%") -> str:
    """A tag with its signs."""
    return f"{{{brackets[0]}{left} {inside} {right}{brackets[1]}}}"


VALUES = st.builds(
    lambda left, path, filters, right: tag(left, path + " ".join(filters), right, "{}"),
    *(SIGNS, PATHS, st.just([]) | st.lists(FILTERS, max_size=3), SIGNS),
)
CONDITIONS = st.one_of(
    PATHS,
    st.builds("not {}".format, PATHS),
    st.builds("{} {} {}".format, PATHS, st.sampled_from(["==", "!=", "<"]), LITERALS),
    st.builds("{} is {}".format, PATHS, st.sampled_from(["defined", "not defined", "none", "notdefined"])),
)
LOOSE = st.one_of(
    TEXTS,
    VALUES,
    st.builds(lambda left, text, right: f"{{#{left}{text}{right}#}}", SIGNS, TEXTS, SIGNS),
    st.sampled_from(["{% else %}", "{% endif %}", "{% include 'a' %}", "{% include '_shared/b' %}", "{%"]),
)


def blocks(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Choices and loops around what there is."""
    choice = st.builds(
        lambda left, condition, inside, other, right: (
            tag(left, f"if {condition}", right) + inside + tag(right, other, left) + inside + "{% endif %}"
        ),
        *(SIGNS, CONDITIONS, inner, st.builds("elif {}".format, CONDITIONS) | st.just("else"), SIGNS),
    )
    loop = st.builds(
        lambda left, name, path, inside, right: (
            tag(left, f"for {name} in {path}", right) + inside + tag(left, "endfor", right)
        ),
        *(SIGNS, st.sampled_from(["p", "p", "q", "image", "loop", "in"]), PATHS, inner, SIGNS),
    )
    return st.lists(inner | choice | loop, max_size=4).map("".join)


@settings(max_examples=500)
@given(st.recursive(LOOSE, blocks, max_leaves=6), LOOSE)
@example("{{ image -}}\n{#- x #}", " {{ image }}")
def test_every_template_is_rendered_as_jinja2_renders_it(text, included):
    found = both(text, {"i/a": included, "_shared/b": "B {{- variant }}\n"})
    event(f"plain: {found[0] is not None}")


@given(st.text(alphabet="{}%#- imagefor\"'\\\n|=.", max_size=30))
@settings(max_examples=500)
def test_every_text_is_rendered_as_jinja2_renders_it(text):
    both(text)
