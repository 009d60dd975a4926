"""Patterns of the rules and what clusters are given for them accept the same texts."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.errors import UsageError
from pipeline.model.path_pattern import wildcard_pattern
from pipeline.policy.admission.patterns import alternatives, bracketed, portable, re2, without_folders

PATTERNS = st.lists(
    st.sampled_from(["a", "b.", "/", "*", "**", "**/", "+", ":"]), min_size=1, max_size=6
).map("".join)
TEXTS = st.lists(st.sampled_from(["a", "b", "b.", "/", "+", ":", "x"]), max_size=8).map("".join)


@given(PATTERNS, TEXTS)
@example("ghcr.io/acme/**/x", "ghcr.io/acme/x")
@example("a**", "a/b")
def test_a_regular_expression_accepts_what_the_pattern_does(pattern: str, text: str) -> None:
    expected = wildcard_pattern(pattern).fullmatch(text)
    assert (re.search(re2([pattern]), text) is not None) == expected
    assert (re.fullmatch(f"({alternatives([pattern], bracketed)})", text) is not None) == expected


@given(PATTERNS, TEXTS)
def test_globs_without_folders_accept_what_the_pattern_does(pattern: str, text: str) -> None:
    """As policy-controller compiles them: ** is any text, * text without a slash."""

    def accepts(glob: str) -> bool:
        parts = (part.replace("\\*", "[^/]*") for part in map(re.escape, glob.split("**")))
        return re.fullmatch(".*".join(parts), text) is not None

    assert any(map(accepts, without_folders(pattern))) == wildcard_pattern(pattern).fullmatch(text)


def test_several_patterns_are_one_expression() -> None:
    assert re2(["a/*", "b"]) == "(?s)^(?:a/[^/]*|b)$"


@pytest.mark.parametrize(
    "regexp", [r"https://github\.com/acme/.*", "a|b", r"[\w.]+@acme\.example", "(?:a|b){2,3}"]
)
def test_what_re2_has_is_written_as_it_is(regexp: str) -> None:
    assert portable(regexp) == regexp


@pytest.mark.parametrize(
    "regexp", ["(?i)a", "(?=a)", r"(a)\1", r"\bword", "(?P<x>a)", "a++", "a{,3}", r"\W", r"\Z", "a{1,1001}"]
)
def test_what_re2_lacks_is_refused(regexp: str) -> None:
    re.compile(regexp)
    with pytest.raises(UsageError, match="clusters read differently"):
        portable(regexp)
