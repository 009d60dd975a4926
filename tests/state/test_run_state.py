"""The run state comes back as it was written, byte for byte, and what cannot be read is refused."""

from __future__ import annotations

import gzip
import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import Descriptor, Digest, Severity
from pipeline.policy import Evidence, Finding, Scan, Tool
from pipeline.state.record import Record
from pipeline.state.run_state import PublishedState, PublishedTag, RunState
from pipeline.util.json.canonical import compact

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
    st.none() | _digests,
    _words,
    st.none() | _digests,
    st.dictionaries(st.sampled_from(["spdx-json", "trivy-json"]), st.just(Descriptor.of(b"x", "text/plain"))),
)
_tags = st.builds(
    PublishedTag,
    st.lists(_digests, max_size=3).map(tuple),
    _digests,
    st.none() | _digests,
    st.frozensets(_words, max_size=3),
)


@given(st.lists(_records, max_size=4), st.dictionaries(_words, _tags, max_size=4))
def test_it_comes_back_as_it_was(records: list[Record], published: dict[str, PublishedTag]) -> None:
    state = PublishedState(DAY, {r.key: r for r in records}, published)
    assert PublishedState.from_bytes(state.to_bytes()) == state
    assert state.to_bytes() == PublishedState.from_bytes(state.to_bytes()).to_bytes()


def test_the_stored_bytes_are_those_of_earlier_releases() -> None:
    """An absent digest is an empty string in the stored format, and no digest in the program."""
    digest = Digest.of(b"image")
    bare, full = (
        Record("k1", digest, Evidence(7)),
        Record("k2", digest, Evidence(7), Digest.of(b"tests"), "abc", Digest.of(b"data")),
    )
    tags = {
        "r:1": PublishedTag((digest,), digest),
        "r:2": PublishedTag((digest,), digest, Digest.of(b"key"), frozenset({"b", "a"})),
    }
    stored = json.loads(gzip.decompress(PublishedState(DAY, {"k2": full, "k1": bare}, tags).to_bytes()))
    evidence = {"inventory": None, "scan": None, "size": 7, "tests": None}
    common = {"digest": str(digest), "documents": {}, "evidence": evidence, "format_version": 1}
    place = {"children": [str(digest)], "index": str(digest)}
    assert stored == {
        "day": "2026-11-21",
        "format_version": 1,
        "places": {
            "r:1": {**place, "signed_by": "", "tags": []},
            "r:2": {**place, "signed_by": str(Digest.of(b"key")), "tags": ["a", "b"]},
        },
        "records": [
            {**common, "attested": "", "key": "k1", "revision": "", "tests": ""},
            {
                **common,
                "attested": str(Digest.of(b"data")),
                "key": "k2",
                "revision": "abc",
                "tests": str(Digest.of(b"tests")),
            },
        ],
    }
    again = PublishedState.from_bytes(gzip.compress(compact(stored), mtime=0))
    assert again.records["k1"].tests is None and again.records["k1"].findings is None
    assert again.published["r:1"].signed_by is None
    assert compact(json.loads(bare.to_bytes())) == bare.to_bytes()


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
def test_what_is_no_run_state_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError):
        PublishedState.from_bytes(raw)


def test_a_published_tag_is_that_of_exactly_these_children() -> None:
    one, two = Digest.of(b"1"), Digest.of(b"2")
    tag = PublishedTag((one, two), Digest.of(b"index"))
    state = RunState(PublishedState(DAY, {}, {"r:1": tag}))
    assert state.published("r:1", [one, two]) == tag
    assert state.published("r:1", [two, one]) is None
    assert state.published("r:1", [one]) is None
    assert state.published("r:2", [one, two]) is None


@pytest.mark.parametrize(
    "warning",
    [
        '{"line": 1e999, "rule": "r", "message": "m", "url": "u"}',
        '{"line": 1, "rule": "r", "message": "\\ud800", "url": "u"}',
        '{"line": "1", "rule": 7, "message": "m", "url": "u"}',
    ],
)
def test_a_record_that_could_not_be_written_again_is_none(warning: str) -> None:
    good = Record("k", Digest.of(b"x"), Evidence(1)).to_bytes()
    assert Record.from_bytes(good, {}).key == "k"
    with pytest.raises(ValueError):
        Record.from_bytes(good[:-1] + f', "warnings": [{warning}]}}'.encode(), {})


def test_a_run_state_that_could_not_be_written_again_is_none() -> None:
    text = '{"format_version": 1, "day": "2026-11-21", "records": [], "places": {"\\ud800": {}}}'
    with pytest.raises(ValueError):
        PublishedState.from_bytes(gzip.compress(text.encode()))
