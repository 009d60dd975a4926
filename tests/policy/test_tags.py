"""Commits become tags in one place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import valid_tag
from pipeline.policy import Revision, ci_tag

SHA = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("revision", "tag", "expected"),
    [
        (Revision(SHA), "3.11", f"ci-{SHA}-3.11"),
        (Revision(SHA, dirty=True), "3.11-dev", f"ci-{SHA}-dirty-3.11-dev"),
        (Revision(), "1.0", "ci-local-1.0"),
    ],
)
def test_ci_tags(revision: Revision, tag: str, expected: str) -> None:
    assert ci_tag(revision, tag) == expected


@given(st.booleans(), st.from_regex(r"\A[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z"))
def test_every_tag_is_one_that_registries_take(dirty: bool, tag: str) -> None:
    assert valid_tag(ci_tag(Revision(SHA, dirty), tag))


@pytest.mark.parametrize("sha", ["main", SHA[:12], SHA.upper(), SHA + "\n"])
def test_a_revision_is_a_whole_commit_id(sha: str) -> None:
    with pytest.raises(ValueError):
        Revision(sha)
