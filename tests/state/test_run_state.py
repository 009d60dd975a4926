"""What stands where is a memory: it comes back as it was, and what cannot be read is nothing."""

from __future__ import annotations

import gzip
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import Descriptor, Digest, Severity
from pipeline.policy import Evidence, Finding, Scan, Tool
from pipeline.state.records import Record
from pipeline.state.run_state import PublishedState, PublishedTag, RunState, tag_of
from pipeline.util.canonical_json import compact

DAY = date(2026, 11, 21)
_digests = st.binary(max_size=4).map(Digest.of)
_words = st.text(st.characters(codec="utf-8"), max_size=20)
_findings = st.builds(Finding, _words, _words, _words, _words, st.sampled_from(Severity))
_scans = st.builds(
    Scan,
    st.builds(Tool, _words, _words, _words, _digests.map(str)),
    st.lists(_findings, max_size=3).map(tuple),
    st.just(()),
)
_records = st.builds(
    Record,
    _digests.map(lambda d: d.hex),
    _digests,
    st.builds(Evidence, st.integers(0, 2**40), st.none(), _scans),
    _words,
    _words,
    _words,
    st.dictionaries(st.sampled_from(["spdx-json", "trivy-json"]), st.just(Descriptor.of(b"x", "text/plain"))),
)
_places = st.builds(
    PublishedTag,
    st.lists(_digests, max_size=3).map(tuple),
    _digests,
    _words,
    st.frozensets(_words, max_size=3),
)


@given(st.lists(_records, max_size=4), st.dictionaries(_words, _places, max_size=4))
def test_it_comes_back_as_it_was(records: list[Record], places: dict[str, PublishedTag]) -> None:
    standing = PublishedState(DAY, {r.key: r for r in records}, places)
    assert PublishedState.from_bytes(standing.to_bytes()) == standing
    assert standing.to_bytes() == PublishedState.from_bytes(standing.to_bytes()).to_bytes()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"not gzip",
        gzip.compress(b"[]", mtime=0),
        gzip.compress(compact({"format_version": 2}), mtime=0),
        gzip.compress(
            compact({"format_version": 1, "day": "yesterday", "records": [], "places": {}}), mtime=0
        ),
        gzip.compress(
            compact({"format_version": 1, "day": "2026-11-21", "records": [{}], "places": {}}), mtime=0
        ),
        gzip.compress(
            compact({"format_version": 1, "day": "2026-11-21", "records": [], "places": []}), mtime=0
        ),
        PublishedState(DAY).to_bytes()[:-4],
        gzip.compress(b"[" * 100_000, mtime=0),
    ],
)
def test_what_is_no_standing_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError):
        PublishedState.from_bytes(raw)


def test_a_place_is_that_of_exactly_these_children() -> None:
    one, two = Digest.of(b"1"), Digest.of(b"2")
    place = PublishedTag((one, two), Digest.of(b"index"))
    kept = RunState(PublishedState(DAY, {}, {"r:1": place}))
    assert kept.place("r:1", [one, two]) == place
    assert kept.place("r:1", [two, one]) is None
    assert kept.place("r:1", [one]) is None
    assert kept.place("r:2", [one, two]) is None


def test_projects_do_not_share_a_tag() -> None:
    assert tag_of("a") != tag_of("b")
