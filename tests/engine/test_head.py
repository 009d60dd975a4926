"""The time of a commit, from git's own objects."""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path

import pytest

from pipeline.engine.head import commit_time


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ("1700000000", 1_700_000_000),
        ("253402300799", 253_402_300_799),
        ("253402300800", 0),
        ("9" * 14, 0),
        ("9" * 5000, 0),
    ],
)
def test_the_time_of_a_commit_is_a_time_or_unknown(tmp_path: Path, seconds: str, expected: int) -> None:
    body = f"tree {'0' * 40}\nauthor a <a> {seconds} +0000\ncommitter a <a> {seconds} +0000\n\nx\n".encode()
    raw = b"commit %d\0" % len(body) + body
    sha = hashlib.sha1(raw).hexdigest()
    (tmp_path / sha[:2]).mkdir()
    (tmp_path / sha[:2] / sha[2:]).write_bytes(zlib.compress(raw))
    assert commit_time(tmp_path, sha) == expected
