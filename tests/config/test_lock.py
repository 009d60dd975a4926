"""lockage.lock: round trip, same bytes, and what is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import Lock, read_lock
from pipeline.errors import ConfigError
from pipeline.model import Digest, Reference

REFERENCES = st.builds(
    lambda host, path, tag: Reference.parse(f"{host}/{path}:{tag}"),
    st.sampled_from(["docker.io", "ghcr.io", "localhost:5000"]),
    st.from_regex(r"[a-z]{1,5}/[a-z]{1,5}", fullmatch=True),
    st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,5}", fullmatch=True),
)
DIGESTS = st.binary(max_size=4).map(Digest.of)


@given(st.dictionaries(REFERENCES, DIGESTS, max_size=5))
def test_a_lock_is_read_back_and_its_bytes_do_not_depend_on_order(digests):
    lock = Lock.of(digests)
    assert read_lock(lock.to_bytes()).images == digests
    backwards = Lock.of(dict(reversed(digests.items())))
    assert backwards.to_bytes() == lock.to_bytes()


def test_what_a_lock_knows():
    debian, alpine = Reference.parse("debian:12"), Reference.parse("alpine:3")
    lock = Lock.of({debian: Digest.of(b"x")})
    assert lock.digest(debian) == Digest.of(b"x")
    assert lock.digest(alpine) is None
    assert lock.missing([alpine, debian, alpine]) == (alpine,)


GOOD = {"digest": str(Digest.of(b""))}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b"[]", "is missing"),
        (b'{"format_version": 1, "images": {}, "images": {}}', "twice"),
        (json.dumps({"format_version": 2, "images": {}}), "this program reads 1"),
        (json.dumps({"format_version": 1, "images": {}, "x": 1}), "is not a known key"),
        (json.dumps({"format_version": 1, "images": {"debian:12": GOOD}}), "not written in full"),
        (
            json.dumps({"format_version": 1, "images": {"docker.io/library/debian": GOOD}}),
            "not written in full",
        ),
        (
            json.dumps({"format_version": 1, "images": {"docker.io/a/b:1": {"digest": "sha256:1"}}}),
            "not a digest",
        ),
        (json.dumps({"format_version": 1, "images": {"docker.io/a/b:1": {}}}), "must be"),
        (json.dumps({"format_version": 1, "images": {"docker.io/a/b:1": 1}}), "must be"),
    ],
)
def test_refused(content, message):
    with pytest.raises(ConfigError) as caught:
        read_lock(content.encode() if isinstance(content, str) else content)
    assert message in str(caught.value.detail)
    assert caught.value.hint
