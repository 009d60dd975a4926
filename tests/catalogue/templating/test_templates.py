"""Templates: which one is found, what it sees, and that its mistakes have a file and a line."""

import pytest

from pipeline.catalogue import SourceFile
from tests.catalogue.sample import folder, image, plan, problems

VARIANT = "variants: [dev]\n"

TEST = "schemaVersion: 2.0.0\nmetadataTest: {user: root}\n"


def templates(files):
    return {t.tag: t.template.removeprefix("images/") for t in plan(files).targets}


DISCOVERY = [
    ("default", {}, VARIANT, "i/3/Dockerfile.tmpl"),
    ("variant", {"Dockerfile.dev.tmpl"}, VARIANT, "i/3/Dockerfile.dev.tmpl"),
    ("image level", {"../Dockerfile.dev.tmpl"}, VARIANT, "i/Dockerfile.dev.tmpl"),
    ("nearer", {"Dockerfile.dev.tmpl", "../Dockerfile.dev.tmpl"}, VARIANT, "i/3/Dockerfile.dev.tmpl"),
    ("own folder", {"dev/Dockerfile.tmpl"}, VARIANT, "i/3/dev/Dockerfile.tmpl"),
    (
        "explicit",
        {"Dockerfile.dev.tmpl", "x.tmpl"},
        "variants: [{name: dev, template: x.tmpl}]\n",
        "i/3/x.tmpl",
    ),
    ("explicit above", {"../x.tmpl"}, "variants: [{name: dev, template: x.tmpl}]\n", "i/x.tmpl"),
    ("explicit in a folder", {"t/x.tmpl"}, "variants: [{name: dev, template: t/x.tmpl}]\n", "i/3/t/x.tmpl"),
    (
        "explicit with a name that is looked for",
        {"t/Dockerfile.tmpl"},
        "variants: [{name: dev, template: t/Dockerfile.tmpl}]\n",
        "i/3/t/Dockerfile.tmpl",
    ),
    ("inherited explicit", {"x.tmpl"}, VARIANT + "template: x.tmpl\n", "i/3/x.tmpl"),
    (
        "a variant's own",
        {"Dockerfile.dev.tmpl", "x.tmpl"},
        VARIANT + "template: x.tmpl\n",
        "i/3/Dockerfile.dev.tmpl",
    ),
]


@pytest.mark.parametrize(
    ("files", "more", "expected"), [d[1:] for d in DISCOVERY], ids=[d[0] for d in DISCOVERY]
)
def test_discovery(files, more, expected):
    found = folder("i/3", image(more=more))
    for path in files:
        place = f"i/{path.removeprefix('../')}" if path.startswith("../") else f"i/3/{path}"
        found[place] = "FROM debian:12\n"
    assert templates(found)["1.0.0-dev"] == expected


def test_the_base_tag_does_not_take_the_variants_template():
    files = folder("i", image(more=VARIANT)) | {"i/Dockerfile.dev.tmpl": "FROM debian:12\n"}
    assert templates(files) == {"1.0.0": "i/Dockerfile.tmpl", "1.0.0-dev": "i/Dockerfile.dev.tmpl"}


def test_the_test_template_is_found_the_same_way():
    files = folder("i", image(more=VARIANT)) | {"i/test.yml.tpl": TEST + "# {{ tag }}\n"}
    assert {t.tag: t.test for t in plan(files).targets} == {
        "1.0.0": TEST + "# 1.0.0\n",
        "1.0.0-dev": TEST + "# 1.0.0-dev\n",
    }
    files["i/test.dev.yml.tpl"] = TEST + "# dev\n"
    assert {t.tag: t.test for t in plan(files).targets} == {
        "1.0.0": TEST + "# 1.0.0\n",
        "1.0.0-dev": TEST + "# dev\n",
    }
    del files["i/test.dev.yml.tpl"], files["i/test.yml.tpl"]
    assert {t.test for t in plan(files).targets} == {None}


def test_what_a_template_sees():
    text = "FROM debian:12\n"
    text += "# {{ image }} {{ tag }} {{ base_tag }} {{ variant }} {{ versions.a }} {{ variables.l[1] }}\n"
    more = "versions: {a: 1.10}\nvariables: {l: [x, y]}\nvariants: [dev]\n"
    found = [t.dockerfile.splitlines()[1] for t in plan(folder("i", image(more=more, template=text))).targets]
    assert found == ["# i 1.0.0 1.0.0 None 1.10 y", "# i 1.0.0-dev 1.0.0 dev 1.10 y"]


def test_nothing_is_escaped_and_no_newline_is_lost():
    text = "FROM debian:12\nRUN echo '{{ variables.x }}' > /a && b\n\n"
    found = plan(folder("i", image(more="variables: {x: '<&>'}\n", template=text))).targets[0]
    assert found.dockerfile == "FROM debian:12\nRUN echo '<&>' > /a && b\n\n"


def test_includes_look_beside_the_template_and_upwards():
    files = folder(
        "i/3", image(template="FROM debian:12\n{% include 'a.tmpl' %}{% include '_shared/b.tmpl' %}")
    )
    files |= {"i/a.tmpl": "# near\n", "a.tmpl": "# far\n", "_shared/b.tmpl": "# shared\n"}
    assert plan(files).targets[0].dockerfile == "FROM debian:12\n# near\n# shared\n"


MISTAKES = [
    (
        "RUN x\n# {{ versions.pyton }}\n",
        "3:1: versions.pyton is not defined (i:1.0.0)",
        "mean versions.python?",
    ),
    ("{{ versions['pyton'] }}\n", "2:1: versions.pyton is not defined (i:1.0.0)", "mean versions.python?"),
    (
        "{{ versions.packages }}\n",
        "2:1: versions.packages is not defined (i:1.0.0)",
        "mean variables.packages?",
    ),
    ("{{ python }}\n", "2:1: python is not defined (i:1.0.0)", "did you mean versions.python?"),
    ("{{ varables.x }}\n", "2:1: varables is not defined (i:1.0.0)", "did you mean variables?"),
    (
        "{% if variables.nope %}x{% endif %}\n",
        "2:1: variables.nope is not defined (i:1.0.0)",
        "known: variables.d",
    ),
    ("{{ variables.d.nope }}\n", "2:1: 'dict object' has no attribute 'nope' (i:1.0.0)", ""),
    ("\n{% if %}\n", "3:1: Expected an expression, got 'end of statement block'", ""),
    ("{{ tag | nofilter }}\n", "2:1: No filter named 'nofilter'.", ""),
    ("{% include 'missing.tmpl' %}\n", "2:1: there is no template missing.tmpl", ""),
    ("{{ ''.__class__.__mro__ }}\n", "2:1: SecurityError: access to attribute '__class__'", ""),
    ("{{ 1 / 0 }}\n", "2:1: ZeroDivisionError: division by zero", ""),
    ("{{ variables.l.append(1) }}\n", "2:1: SecurityError", ""),
    (
        "{% for i in range(99999) %}{{ 'x' * 999 }}{% endfor %}\n",
        " the rendered text is larger than 1024 KiB (i:1.0.0)",
        "",
    ),
]


RUNAWAY = [
    (
        "{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}",
        "SecurityError: more than 200000",
    ),
    ("{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}", "RecursionError"),
    (
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(40) }}",
        "SecurityError: more than 200000",
    ),
    ("{{ 'x' * 9999999999 }}", "SecurityError: the result of * is too large"),
    ("{{ 9 ** 99999 }}", "SecurityError: the result of ** is too large"),
    ("{{ range(999999999) | list }}", "OverflowError: Range too big"),
]


@pytest.mark.parametrize(("text", "expected"), RUNAWAY)
def test_a_template_that_never_ends_is_stopped_by_name(text, expected):
    [found] = problems(folder("i", image(template=f"FROM debian:12\n{text}\n")))
    assert found.startswith("images/i/Dockerfile.tmpl:2:1: ")
    assert expected in found


def test_loops_still_know_where_they_are():
    text = "FROM debian:12\n{% for k, v in variables.d.items() if v %}# {{ loop.index }}/{{ loop.length }} {{ k }}"
    text += "{{ '' if loop.last else ',' }}\n{% else %}none\n{% endfor %}"
    found = plan(folder("i", image(more="variables: {d: {a: 1, b: false, c: 3}}\n", template=text))).targets[
        0
    ]
    assert found.dockerfile == "FROM debian:12\n# 1/2 a,\n# 2/2 c\n"


@pytest.mark.parametrize(("text", "expected", "suggestion"), MISTAKES)
def test_mistakes_have_their_line(text, expected, suggestion):
    more = "versions: {python: 3.13}\nvariables: {packages: a, l: [], d: {}}\n"
    [found] = problems(folder("i", image(more=more, template=f"FROM debian:12\n{text}")))
    assert found.startswith(f"images/i/Dockerfile.tmpl:{expected}")
    assert suggestion in found


def test_a_mistake_in_an_include_names_the_include():
    files = folder("i", image(template="FROM debian:12\n{% include 'inc.tmpl' %}\n")) | {
        "inc.tmpl": "\n\n{{ nope }}\n"
    }
    assert problems(files)[0].startswith("images/inc.tmpl:3:1: nope is not defined")
    files["inc.tmpl"] = "\n{% endif %}\n"
    assert problems(files)[0].startswith("images/inc.tmpl:2:1: Encountered unknown tag 'endif'")


def test_a_test_template_is_checked_too():
    files = folder("i", image()) | {"i/test.yml.tpl": "\n{{ nope }}\n"}
    assert problems(files)[0].startswith("images/i/test.yml.tpl:2:1: nope is not defined")


def test_a_missing_template_names_where_it_was_looked_for():
    found = problems({"i/3/image.yml": "tags: [1.0.0]\n" + VARIANT})
    assert found == [
        "images/i/3/image.yml:1:8: tags[0]: i:1.0.0 has no template: no Dockerfile.tmpl in images/i/3/ or images/i/",
        "images/i/3/image.yml:1:8: tags[0]: i:1.0.0-dev has no template: neither Dockerfile.dev.tmpl nor"
        " Dockerfile.tmpl in images/i/3/ or images/i/",
    ]


def test_an_explicit_template_that_is_not_there():
    files = folder("i", image(more="template: Dockerfile.slim\n")) | {"i/Dockerfile.slim.tmpl": ""}
    assert problems(files) == [
        "images/i/image.yml:2:11: template: there is no Dockerfile.slim in images/i/"
        " (did you mean Dockerfile.slim.tmpl?)"
    ]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (SourceFile("link", target="/etc/passwd"), "is not a file"),
        (SourceFile("file", content=b"\xff"), "is not UTF-8 text"),
        (SourceFile("file", content=None, size=1 << 30), "is larger than 1024 KiB"),
    ],
)
def test_a_template_must_be_a_small_text_file(entry, message):
    files = folder("i", image()) | {"i/Dockerfile.tmpl": entry}
    assert problems(files) == [f"images/i/Dockerfile.tmpl: {message}"]


def test_many_templates_are_compiled_once_each():
    files = {}
    for number in range(450):
        files |= folder(f"i{number}", image(template=f"FROM debian:12\n# {number} {{{{ tag }}}}\n"))
    assert len(plan(files).targets) == 450
