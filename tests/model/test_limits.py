"""Manifests at each limit, and beyond: one short ValueError."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.model import Descriptor, Digest, Manifest
from pipeline.model import limits as of
from pipeline.model.descriptor import OCI_INDEX, OCI_MANIFEST
from pipeline.model.manifest import load_json

DIGEST = str(Digest.of(b""))
ENTRY = {"mediaType": OCI_MANIFEST, "digest": DIGEST, "size": 1}


def index(*entries: dict[str, Any], padding: int = 0) -> bytes:
    """An index of these entries, padded to a size."""
    data = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(entries)}
    raw = json.dumps(data, separators=(",", ":")).encode()
    return raw + b" " * (padding - len(raw))


def _platform(size: int) -> bytes:
    return index(ENTRY | {"platform": {"os": "linux", "architecture": "a" * (size - len("linux/"))}})


@pytest.mark.parametrize(
    ("make", "allowed", "limit"),
    [
        (lambda n: index(padding=n), of.MANIFEST_BYTES, "larger than 4 MiB"),
        (lambda n: index(*[ENTRY] * n), of.MANIFEST_ENTRIES, "more than 20000 entries"),
        (lambda n: index(ENTRY | {"size": n}), of.DESCRIPTOR_BYTES, "states more than 1 EiB"),
        (
            lambda n: index(ENTRY | {"mediaType": "a" * n}),
            of.MEDIA_TYPE_CHARACTERS,
            "mediaType has more than 255 characters",
        ),
        (
            lambda n: index(ENTRY | {"artifactType": "a" * n}),
            of.MEDIA_TYPE_CHARACTERS,
            "artifactType has more than 255 characters",
        ),
        (_platform, of.PLATFORM_CHARACTERS, "platform has more than 255 characters"),
        (
            lambda n: index(ENTRY)[:-1] + b',"x":' + b"[" * (n - 1) + b"]" * (n - 1) + b"}",
            of.JSON_DEPTH,
            "nested too deeply, more than 40 deep",
        ),
    ],
)
def test_each_limit(make: Any, allowed: int, limit: str) -> None:
    Manifest.parse(make(allowed))
    with pytest.raises(ValueError, match=limit):
        Manifest.parse(make(allowed + 1))


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"9" * 5000, "too many digits"),
        (b"-" + b"9" * 5000, "too many digits"),
        (b"1e999", "too large"),
        (b"[-1e999]", "too large"),
        (b'{"a":"\\ud800"}', "half of a surrogate pair"),
        (b'{"\\uDFFF":1}', "half of a surrogate pair"),
        (b'["\\ude00\\ud83d"]', "half of a surrogate pair"),
        (b'{"a":1,"a":2}', "repeated"),
        (b"NaN", "not a number in JSON"),
        (b"-Infinity", "not a number in JSON"),
        (b"\xed\xa0\x80", "not UTF-8"),
        (b"[" * 1_000_000, "nested too deeply"),
        (b'{"a":' * 1_000_000, "nested too deeply"),
        (b"", "Expecting value"),
    ],
)
def test_json_that_cannot_be_written_again(raw: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as caught:
        load_json(raw)
    assert len(str(caught.value)) < 200 and "\n" not in str(caught.value)


def test_whole_surrogate_pairs_are_characters() -> None:
    assert load_json(b'{"a":"\\ud83d\\ude00 \\\\ud800"}') == {"a": "😀 \\ud800"}


def test_a_long_platform_is_no_part_of_an_error() -> None:
    entry = ENTRY | {"platform": {"os": "linux", "architecture": "x" * 1_000_000}}
    with pytest.raises(ValueError) as caught:
        Descriptor.from_oci(entry)
    assert len(str(caught.value)) < 200
