"""Newer tags by the shape of the one that is used."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.policy.newer_tags import newer_tags

CASES = [
    ("12.5-slim", ["12.7-slim", "12.10-slim", "12.5-slim", "12.4-slim", "13-slim"], ["12.10-slim", "12.7-slim"]),
    ("12.5-slim", ["12.7", "12.5-slim", "12.10"], []),
    ("bookworm-slim", ["trixie-slim", "bookworm-slim", "bookworm-20261101-slim"], []),
    ("v1.18.1", ["v1.18.2", "1.19.0", "v1.18", "v2.0.0-rc.1", "v2.0.0"], ["v2.0.0", "v1.18.2"]),
    ("1.2.3", ["1.3.0-rc.1", "1.2.3-alpine", "1.2.4"], ["1.2.4"]),
    ("1.3.0-rc.1", ["1.3.0", "1.3.0-rc.2", "1.3.0-rc.10"], ["1.3.0-rc.10", "1.3.0-rc.2"]),
    ("12", ["13", "20261121", "9"], ["13"]),
    ("2026.03", ["2026.11", "2025.12"], ["2026.11"]),
    ("latest", ["1", "latest"], []),
]  # fmt: skip


@pytest.mark.parametrize(("tag", "tags", "expected"), CASES)
def test_newer(tag, tags, expected):
    assert list(newer_tags(tag, tags)) == expected


_TAGS = st.lists(st.from_regex(r"\Av?[0-9]{1,2}\.[0-9]{1,2}(-a)?\Z"), max_size=6)


@given(st.from_regex(r"\Av?[0-9]{1,2}\.[0-9]{1,2}(-a)?\Z"), _TAGS)
def test_newer_than_the_newest_is_nothing_and_the_order_does_not_matter(tag, tags):
    found = newer_tags(tag, tags)
    assert tag not in found and set(found) <= set(tags)
    assert list(newer_tags(tag, reversed(tags))) == list(found)
    if found:
        assert not newer_tags(found[0], tags)
