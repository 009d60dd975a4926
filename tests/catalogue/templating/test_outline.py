"""Templates share code by their outline, and texts by the values they read: with the text, the problem, the line and
the charge of each compiled and rendered by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.catalogue.templating.outline import Loader, Outline
from pipeline.catalogue.templating.sandbox import Sandbox
from pipeline.catalogue.templating.templates import Renderer, TemplateProblem
from tests.catalogue.sample import source

CONTEXT: Mapping[str, object] = {
    "image": "python",
    "tag": "3.11",
    "variant": None,
    "versions": {"v": "1"},
    "variables": {"packages": ["a", "b"], "n": 3, "é": "ü"},
}
SHARED = {
    "_shared/s": "\n{{ image }}\n\n{{ tag }}{% block b %}\n base {% endblock %}",
    "_shared/bad": "\n\n{{ gone }}",
}


@contextmanager
def each_by_itself() -> Iterator[None]:
    """Without outlines."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Outline, "of", classmethod(lambda cls, text: None))
        yield


def outcome(text: str) -> tuple[str, int]:
    """The text of a template, or the whole problem; and the work that was charged."""
    renderer = Renderer(source(SHARED | {"i/t": text}))
    try:
        made = renderer.render("images/i/t", CONTEXT, "i:1")
    except TemplateProblem as error:
        made = f"problem: {error.problem!r}"
    return made, renderer._work


def same(text: str) -> str:
    """The outcome, which is that of the template compiled by itself."""
    with each_by_itself():
        alone = outcome(text)
    assert outcome(text) == alone
    return alone[0]


WITH_OUTLINE = {
    "nothing": "",
    "text alone": "FROM x\nRUN y\n",
    "a name": "FROM {{ versions.v }}\n# {{ variables.n }}",
    "white space left out": "a \n {{- image -}} \n\n b {%- if tag -%} \n {{ gone }} {%- endif -%}",
    "white space that is all there is": " {{- image -}}  {%- if tag %} {%- endif -%} ",
    "a comment": "a {# {{ gone }} {% %} #} b {#- x\ny -#} c\n{{ gone }}",
    "comments side by side": "{# a #}{#- b -#}{# c #}x{##}{{ gone }}",
    "a tag of several lines": "a\n{{ image\n ~ tag\n ~ gone }}\n",
    "a statement of several lines": "\n{% if image\n and tag\n -%}\n{{ gone }}\n{% endif %}",
    "strings with signs of tags": "{{ '}}' ~ \"{% a %}\" ~ '{#' }}\n{{ gone }}",
    "strings with quotes": "{{ 'it\\'s' ~ \"\\\"}}\\\\\" }}\n{{ gone }}",
    "a string of what looks like tags": "{{ 'a }} {{ b' }}",
    "a remainder": "{{ 5 % 3 }} {% if 4 % 3 %}x{% endif %}\n{{ gone }}",
    "a loop": "{% for p in variables.packages if p != 'a' %}\n  {{ loop.index }} {{ p }}\n{% endfor %}x",
    "a loop of text": "{% for p in variables.packages %}x{% else %}y{% endfor %}",
    "a constant beside text": "a{{ 'b' }}c{{ 1 }}d{{ 'é' }}\n{{ gone }}",
    "text in a set": "{% set x %}  <{{ image }}>\nb\n c{% endset %}{{ x | upper }}{{ x.y }}",
    "a macro": "{% macro m(a, b='é') %}[{{ a }}|{{ b }}]\n{% endmacro %}{{ m(1) }}{{ m(2, 3) }}{{ m(gone) }}",
    "a call block": "{% macro m() %}<{{ caller() }}>{% endmacro %}{% call m() %}text{% endcall %}",
    "a filter block": "{% filter upper %}text {{ image }} more{% endfilter %}",
    "escaping": "{% autoescape true %}<{{ '<' }}>{{ image }}{% endautoescape %}<{{ gone }}",
    "an include": "a\n{% include '_shared/s' %}b",
    "an include that fails": "a\n\n{% include '_shared/bad' %}b",
    "an include that is not there": "a\n\n{% include '_shared/none' %}b",
    "a parent": "x{% extends '_shared/s' %}{% block b %}\n{{ super() }}: {{ gone }}{% endblock %}",
    "a block": "{% block b %} text {{ self.c() }}{% endblock %}{% block c %}\n{{ tag }}{% endblock %}",
    "an error of a filter": "\n{{ image | join(1, 2, 3, 4) }}",
    "an error in the middle of a line": "a {{ image }} b {{ versions.w }} c {{ tag }}",
    "letters of every plane": "é€😀{{ variables['é'] }}\U000effff{{ gone }}",
    "a shell's braces": "${A} ${B:-{{ tag }}} {} } }} %} #} $((1 % 2))",
}
WITHOUT_OUTLINE = {
    "a mapping": "{{ {'a': 1}.a }}",
    "braces before a tag": "{{{ image }}}",
    "a brace before a statement": "{{% if tag %}}x{% endif %}",
    "raw text": "{% raw %}{{ gone }}{% endraw %}{{ gone }}",
    "raw text without white space": "a {%- raw -%} {{ gone }} {%- endraw -%} b\n{{ gone }}",
    "a plus": "a\n{%+ if tag +%}\nb{% endif %}{{+ image }}",
    "a required block": "{% block b required %} \n {% endblock %}",
    "line ends of others": "a\r\nb\r{{ gone }}",
    "a tag without an end": "a {{ image",
    "a comment without an end": "a {# b",
    "a string without an end": "{{ 'a }} {{ b }}",
    "a sign that is none": "{{ a # b }}",
    "letters of the last planes": "\U000f0000{{ image }}",
    "the name of outlines": "{{ 'lockage-outline' }}",
    "too long": "{{ image }}" + "x" * 20_000,
    "too many tags": "{{ tag }}" * 1000,
}
NOT_SHARED = {
    "an if without else": "\n\n{{ ('x' if not tag).y }}",
    "an import": "\n{% from '_shared/s' import gone %}{{ gone() }}",
    "what cannot be read": "a\n{{ image image }}",
    "an unknown filter": "a\n{{ image | upperr }}",
    "a statement without an end": "\n{% if tag %}",
    "an end too many": "{% endif %}\n",
    "parentheses": "{{ (image }} {{ tag) }}",
}


@pytest.mark.parametrize("text", WITH_OUTLINE.values(), ids=WITH_OUTLINE)
def test_the_code_of_an_outline_does_the_same(text, monkeypatch):
    same(text)
    monkeypatch.setattr("jinja2.BaseLoader.load", None)  # each of these has its code from an outline
    outcome(text)


@pytest.mark.parametrize("text", WITHOUT_OUTLINE.values(), ids=WITHOUT_OUTLINE)
def test_a_template_that_is_not_clear_is_compiled_by_itself(text):
    assert Outline.of(text) is None
    same(text)


@pytest.mark.parametrize("text", NOT_SHARED.values(), ids=NOT_SHARED)
def test_an_outline_whose_code_holds_a_line_is_not_shared(text, monkeypatch):
    assert Outline.of(text) is not None
    assert same(text).startswith("problem: ")
    alone: list[str] = []
    load = Loader.__mro__[1].load  # type: ignore[attr-defined]
    monkeypatch.setattr(
        "jinja2.BaseLoader.load",
        lambda self, e, name, g=None: (alone.append(name), load(self, e, name, g))[1],
    )
    outcome(text)
    assert "images/i/t" in alone


PIECES = st.sampled_from(
    [
        *(
            "{{ image }}",
            "{{- tag -}}",
            "{{ gone }}",
            "{{ 'a\\'}}' }}",
            "{{\nversions.v\n}}",
            "{{ 'x' if tag }}",
        ),
        *("{% if tag %}", "{%- if not tag -%}", "{% else %}", "{% endif %}", "{% set x %}", "{% endset %}"),
        *("{% for p in variables.packages -%}", "{% endfor %}", "{% include '_shared/s' %}", "{% raw %}"),
        *(
            "{% endraw %}",
            "{# c\n #}",
            "{#-",
            "-#}",
            "\n",
            "  ",
            "text",
            "é",
            "{",
            "}",
            "%",
            "#",
            "{{",
            "}}",
            "{%",
            "%}",
        ),
        *("'", '"', "-", "\r\n", "{{ 7 % 2 }}", "{{ 1 // 0 }}", "{% extends '_shared/s' %}", "{% block b %}"),
        "{% endblock %}",
    ]
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_every_template_does_the_same(text):
    same(text)


def test_templates_of_one_outline_are_compiled_once(monkeypatch):
    compiled: list[str] = []
    compile_ = Sandbox.compile
    monkeypatch.setattr(
        Sandbox, "compile", lambda self, text, *rest: (compiled.append(text), compile_(self, text, *rest))[1]
    )
    texts = {f"i{n}/t": f"# {n}\n" * n + f"FROM {{{{ versions.v }}}}\nRUN {n}\n" for n in range(1, 50)}
    renderer = Renderer(source(texts | {"j/t": "FROM {{ versions.v }}{{ gone }}"}))
    made = [renderer.render(f"images/{path}", CONTEXT, "i:1") for path in texts]
    assert made == [text.replace("{{ versions.v }}", "1") for text in texts.values()]
    assert len(compiled) == 1
    with pytest.raises(TemplateProblem, match="gone"):
        renderer.render("images/j/t", CONTEXT, "j:1")
    assert len(compiled) == 2


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The templates that were rendered, in order."""
    paths: list[str] = []
    render = Renderer._render

    def counted(self, environment, path, context, subject):
        paths.append(path)
        return render(self, environment, path, context, subject)

    monkeypatch.setattr(Renderer, "_render", counted)
    return paths


def texts(template: str, contexts: list[dict[str, object]]) -> list[str]:
    """The texts of one template, by one renderer."""
    renderer = Renderer(source(SHARED | {"i/t": template}))
    return [renderer.render("images/i/t", CONTEXT | context, "i:1") for context in contexts]


TAGS: list[dict[str, object]] = [
    {"tag": "1"},
    {"tag": "2"},
    {"tag": "1"},
    {"tag": "3", "versions": {"v": "2"}},
]


def test_tags_that_differ_in_nothing_that_is_read_share_a_rendering(rendered):
    assert texts("{{ image }} {{ versions.v }}", TAGS) == ["python 1", "python 1", "python 1", "python 2"]
    assert len(rendered) == 2


def test_a_name_that_is_read_tells_them_apart(rendered):
    assert texts("{{ tag }}", TAGS) == ["1", "2", "1", "3"]
    assert len(rendered) == 3


def test_an_include_reads_as_well(rendered):
    made = texts("{% include '_shared/s' %}", TAGS)
    assert [text.split()[1] for text in made] == ["1", "2", "1", "3"]
    assert len(rendered) == 3


def test_what_is_read_may_depend_on_what_was_read(rendered):
    template = "{% if variant %}{% include '_shared/s' %}{% endif %}"
    contexts = [context | {"variant": variant} for variant in (None, "dev") for context in TAGS]
    assert [text.split()[1:2] for text in texts(template, contexts)] == [[]] * 4 + [
        ["1"],
        ["2"],
        ["1"],
        ["3"],
    ]
    assert len(rendered) == 4


def test_values_that_are_equal_in_python_alone_are_told_apart():
    values: list[object] = [1, True, 1.0, "1", "True", None, [1], [True], {"a": 1}, {"a": True}, 0.0, -0.0]
    contexts: list[dict[str, object]] = [{"variables": {"x": value}} for value in values]
    assert texts("{{ variables.x }}", contexts) == [str(value) for value in values]


def test_the_order_of_a_mapping_counts():
    contexts: list[dict[str, object]] = [
        {"variables": {"a": "1", "b": "2"}},
        {"variables": {"b": "2", "a": "1"}},
    ]
    assert texts("{{ variables | join }}", contexts) == ["ab", "ba"]


def test_a_shared_rendering_is_charged_each_time():
    renderer = Renderer(source({"i/t": "{{ image }}"}))
    work = []
    for tag in TAGS:
        renderer.render("images/i/t", CONTEXT | tag, "i:1")
        work.append(renderer._work)
    assert work == [work[0] * n for n in (1, 2, 3, 4)]


def test_a_problem_is_that_of_each_tag():
    renderer = Renderer(source({"i/t": "{{ image }}{{ versions.w }}"}))
    subjects = []
    for subject in ("i:1", "i:2"):
        with pytest.raises(TemplateProblem) as raised:
            renderer.render("images/i/t", CONTEXT, subject)
        subjects.append(raised.value.problem.subject)
    assert subjects == ["i:1", "i:2"]
