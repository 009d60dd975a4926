"""A problem that many tags share is reported once, and nothing that differs is lost."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.catalogue.diagnostics import merge_by_subject
from pipeline.errors import Problem

from .sample import folder, image, plan, problems

NAMES = ["app:1.0.0", "app:1.0.0-dev", "base:2025.09", "a/b:1"]


def problem(message, subject="", path="f", line=1, suggestion=None):
    return Problem(path, line, 1, "FROM", message, suggestion, subject)


def test_what_differs_in_nothing_but_the_tag_is_one():
    shared = [problem("x is not defined", name) for name in NAMES]
    assert merge_by_subject(shared) == [problem("x is not defined", "app:1.0.0 and 3 more")]
    assert merge_by_subject([shared[1]] * 3) == [shared[1]]
    [one] = merge_by_subject(shared)
    assert str(one) == "f:1:1: FROM: x is not defined (app:1.0.0 and 3 more)"
    assert one.to_json()["message"] == "x is not defined (app:1.0.0 and 3 more)"


def test_what_differs_in_anything_else_is_not():
    different = [
        problem("no", "app:1.0.0"),
        problem("no", "app:1.0.0", line=2),
        problem("no", "app:1.0.0", path="g"),
        problem("no", "app:1.0.0", suggestion="did you mean yes?"),
        problem("never", "app:1.0.0"),
        problem("no"),
        problem("no app:1.0.0 here"),
    ]
    assert merge_by_subject(different) == different


def test_what_a_base_is_called_counts():
    bases = ("base:2025.09", "base:1")
    given = [problem(f"unknown base {b}", name) for name in NAMES[:2] for b in bases]
    assert merge_by_subject(given) == [
        problem("unknown base base:2025.09", "app:1.0.0 and 1 more"),
        problem("unknown base base:1", "app:1.0.0 and 1 more"),
    ]


subjects = st.sampled_from([*NAMES, ""])
reported = st.builds(problem, st.sampled_from(["a", "b"]), subjects, line=st.integers(1, 2))


@given(st.lists(reported, max_size=12))
def test_every_position_is_still_reported(many):
    merged = merge_by_subject(many)
    assert {(p.path, p.line, p.message) for p in merged} == {(p.path, p.line, p.message) for p in many}
    assert len(merged) <= len(set(many))
    assert merge_by_subject(merged) == merged
    assert merge_by_subject([*many, *many]) == merged


def test_platforms_and_variants_of_a_whole_catalogue():
    project = "version: 1\nproject: p\nplatforms: [linux/amd64, linux/arm64]\nbases: [debian:12]\n"
    tags = "[" + ", ".join(f"1.{n}.0" for n in range(20)) + "]"
    files = folder("a", image(tags, "variants: [x, y]\n", "FROM debian:12\nCOPY --from=nowhere:1 / /\n"))
    [only] = problems(files, project)
    assert only.startswith("images/a/Dockerfile.tmpl:2:1: COPY: unknown base nowhere:1 (a:1.0.0 and 59 more)")
    assert len(plan(folder("a", image(tags, "variants: [x, y]\n")), project).targets) == 120
