"""A mistake that many tags share is told once, and nothing that differs is lost."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.catalogue.diagnostics import once
from pipeline.errors import Problem

from .sample import folder, image, plan, problems

NAMES = ["app:1.0.0", "app:1.0.0-dev", "base:2025.09", "a/b:1"]


def problem(message, path="f", line=1, suggestion=None):
    return Problem(path, line, 1, "FROM", message, suggestion)


def test_what_differs_in_nothing_but_the_tag_is_one():
    for message in ("x is not defined for {}", "unknown base y:1 ({})", "rendering {} gives more"):
        found = once([problem(message.format(n)) for n in NAMES], NAMES)
        assert found == [problem(message.format("app:1.0.0 and 3 more"))]
        assert once([problem(message.format(NAMES[1]))] * 3, NAMES) == [problem(message.format(NAMES[1]))]


def test_what_differs_in_anything_else_is_not():
    different = [
        problem("no (app:1.0.0)"),
        problem("no (app:1.0.0)", line=2),
        problem("no (app:1.0.0)", path="g"),
        problem("no (app:1.0.0)", suggestion="did you mean yes?"),
        problem("never (app:1.0.0)"),
        problem("no (unknown:1)"),
        problem("no app:1.0.0 here"),
    ]
    assert once(different, NAMES) == different


def test_what_a_base_is_called_counts():
    given = [problem(f"unknown base {b} ({n})") for n in NAMES[:2] for b in ("base:2025.09", "base:1")]
    assert once(given, NAMES) == [
        problem("unknown base base:2025.09 (app:1.0.0 and 1 more)"),
        problem("unknown base base:1 (app:1.0.0 and 1 more)"),
    ]


messages = st.sampled_from(["a ({})", "b for {}", "rendering {} c", "{} d", "e"])
told = st.builds(
    lambda m, n, line: problem(m.format(n), line=line), messages, st.sampled_from(NAMES), st.integers(1, 2)
)


@given(st.lists(told, max_size=12))
def test_every_place_is_still_told(found):
    short = once(found, NAMES)
    assert {(p.path, p.line) for p in short} == {(p.path, p.line) for p in found}
    assert len(short) <= len(set(found))
    assert once(short, NAMES) == short
    assert len(once([*found, *found], NAMES)) == len(short)


def test_platforms_and_variants_of_a_whole_catalogue():
    project = "version: 1\nproject: p\nplatforms: [linux/amd64, linux/arm64]\nbases: [debian:12]\n"
    tags = "[" + ", ".join(f"1.{n}.0" for n in range(20)) + "]"
    files = folder("a", image(tags, "variants: [x, y]\n", "FROM debian:12\nCOPY --from=nowhere:1 / /\n"))
    [only] = problems(files, project)
    assert only.startswith("images/a/Dockerfile.tmpl:2:1: COPY: unknown base nowhere:1 (a:1.0.0 and 59 more)")
    assert len(plan(folder("a", image(tags, "variants: [x, y]\n")), project).targets) == 120
