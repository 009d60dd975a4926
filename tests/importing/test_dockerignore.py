"""What .dockerignore keeps out and what COPY takes, as BuildKit reads both."""

import pytest

from pipeline.importing import ASIDE
from pipeline.importing.dockerignore import DockerIgnore, matched

from .imported import DEBIAN, imported

PATTERNS = [
    ("*.md", ["a.md"], ["d/a.md", "a.mdx"]),
    ("**/*.md", ["a.md", "d/a.md", "d/e/a.md"], ["a.txt"]),
    ("d", ["d", "d/a", "d/e/f"], ["dd", "e/d"]),
    ("/d/", ["d/a"], ["e/d"]),
    ("d/**", ["d/a", "d/e/f"], ["d"]),
    ("a?c", ["abc"], ["ac", "a/c"]),
    ("[a-c]x", ["ax", "cx"], ["dx"]),
    ("[^a]x", ["bx"], ["ax"]),
    ("a\\*", ["a*"], ["ab"]),
    ("*\n!a", ["b"], ["a", "a/b"]),
    ("*\n!a/b", ["a/c", "b"], ["a/b"]),
    ("!a\n*", ["a"], []),
    ("  a.b  ", ["a.b"], ["axb"]),
]


@pytest.mark.parametrize(("text", "ignored", "kept"), PATTERNS)
def test_dockerignore(text, ignored, kept):
    judge = DockerIgnore.parse(text)
    assert [p for p in ignored if not judge.ignores(p)] == []
    assert [p for p in kept if judge.ignores(p)] == []


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*", {"a", "d/b", "d/e/c", "d", "d/e"}),
        ("d/*", {"d/b", "d/e/c", "d/e"}),
        ("*/b", {"d/b"}),
        (".", {"a", "d/b", "d/e/c", "d", "d/e"}),
    ],
)
def test_sources_of_copy(pattern, expected):
    assert matched({"a", "d", "d/b", "d/e", "d/e/c"}, [pattern]) == expected


@pytest.mark.parametrize("source", ["a[", "a[b-", "a\\"])
def test_a_pattern_that_means_nothing_sets_its_image_aside(source):
    found = imported({"Dockerfile": f"{DEBIAN}COPY {source} /x\n", "a": "x"})
    assert [(image.status, bool(image.by_hand)) for image in found.images] == [(ASIDE, True)]


def test_a_list_that_nests_without_end_is_left_to_a_person():
    deep = "[" * 100_000
    found = imported({"Dockerfile": f'{DEBIAN}COPY {deep} "a", "/b"]\n', "a": "x"})
    assert len(found.images) == 1


@pytest.mark.parametrize(
    ("pattern", "path", "ignored"),
    [
        ("**.env", "prod.env", True),
        ("**.env", "a/b.env", True),
        ("**~", "x~", True),
        ("**.env", "a.env.txt", False),
        ("a**.env", "a.env", True),
        ("a**.env", "ab.env", False),
        ("**/x", "x", True),
        ("**x", "a/bx", True),
        ("**.e?v", "prod.env", False),
    ],
)
def test_two_stars_of_dockerignore_as_moby_has_them(pattern, path, ignored):
    """moby/patternmatcher: a literal behind a leading `**` is an ending; elsewhere `**` is whole folders."""
    assert DockerIgnore.parse(pattern).ignores(path) is ignored
