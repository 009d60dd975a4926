"""Manifests and indexes from untrusted bytes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import Descriptor, Digest
from pipeline.model.descriptor import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from pipeline.model.manifest import Manifest
from tests.registry import images


def _with(**more: object) -> bytes:
    entry = {"mediaType": "a", "digest": f"sha256:{'0' * 64}", "size": 1} | more
    return json.dumps({"config": entry, "layers": []}).encode()


GOOD = images.manifest_of(Descriptor.of(b"{}", "application/x"), [Descriptor.of(b"a", "text/plain")])


def test_a_manifest_is_what_it_says() -> None:
    assert Manifest.parse(GOOD.raw, OCI_MANIFEST + "; charset=utf-8") == GOOD
    assert Manifest.parse(GOOD.raw, "application/json").media_type == OCI_MANIFEST
    assert GOOD.digest == Digest.of(GOOD.raw)
    assert Manifest.parse(GOOD.raw, algorithm="sha512").digest.algorithm == "sha512"
    assert [d.media_type for d in GOOD.blobs] == ["application/x", "text/plain"]
    assert GOOD.artifact_type == "application/x"
    empty = Manifest.parse(b'{"schemaVersion":2,"manifests":[]}')
    assert empty.is_index and empty.children == ()


@pytest.mark.parametrize(
    ("raw", "media_type", "problem"),
    [
        (b"", "", "Expecting value"),
        (b"[]", OCI_MANIFEST, "object"),
        (b"\xff{}", OCI_MANIFEST, "UTF-8"),
        (b"[" * 100_000, OCI_MANIFEST, "deeply"),
        (b'{"a":' * 60 + b"1" + b"}" * 60, OCI_MANIFEST, "deeply"),
        (b'{"layers":[],"layers":[]}', OCI_MANIFEST, "repeated"),
        (b'{"config":NaN}', OCI_MANIFEST, "NaN"),
        (GOOD.raw, OCI_INDEX, "but its mediaType is"),
        (GOOD.raw, DOCKER_MANIFEST, "but its mediaType is"),
        (b'{"schemaVersion":2}', "text/html", "media type"),
        (
            b'{"schemaVersion":1,"name":"x"}',
            "application/vnd.docker.distribution.manifest.v1+json",
            "media type",
        ),
        (b'{"manifests":[],"layers":[]}', OCI_INDEX, "both"),
        (b'{"manifests":{}}', OCI_INDEX, "list"),
        (b'{"manifests":[1]}', OCI_INDEX, "object"),
        (b'{"layers":[]}', OCI_MANIFEST, "object"),
        (b'{"mediaType":7,"layers":[]}', OCI_MANIFEST, "string"),
        (_with(digest="sha256:../../etc"), OCI_MANIFEST, "not a digest"),
        (_with(size=-1), OCI_MANIFEST, "size"),
        (_with(size=True), OCI_MANIFEST, "size"),
        (_with(annotations=[1]), OCI_MANIFEST, "annotations"),
        (_with(annotations={"a": {}}), OCI_MANIFEST, "annotations"),
        (_with(artifactType=3), OCI_MANIFEST, "artifactType"),
        (
            json.dumps(dict(GOOD.data) | {"annotations": {"a": 1}}).encode(),
            OCI_MANIFEST,
            "annotations",
        ),
        (json.dumps(dict(GOOD.data) | {"subject": "x"}).encode(), OCI_MANIFEST, "object"),
    ],
)
def test_what_is_no_manifest_is_refused(raw: bytes, media_type: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Manifest.parse(raw, media_type)


@given(st.binary(max_size=200), st.sampled_from(["", OCI_MANIFEST, OCI_INDEX]))
def test_any_bytes_are_a_manifest_or_a_value_error(raw: bytes, media_type: str) -> None:
    try:
        manifest = Manifest.parse(raw, media_type)
    except ValueError:
        return
    assert manifest.raw == raw


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)


@given(
    st.dictionaries(
        st.sampled_from(
            ["mediaType", "config", "layers", "manifests", "subject", "annotations", "artifactType"]
        ),
        JSON,
    )
)
def test_any_object_is_a_manifest_or_a_value_error(data: dict[str, object]) -> None:
    try:
        manifest = Manifest.parse(
            json.dumps(data).encode(), OCI_INDEX if "manifests" in data else OCI_MANIFEST
        )
    except ValueError:
        return
    _ = (
        manifest.children,
        manifest.blobs,
        manifest.subject,
        manifest.artifact_type,
        manifest.annotations,
        manifest.as_referrer(),
    )
