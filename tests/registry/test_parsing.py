"""What registries send, taken apart: headers, challenges, manifests."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import Descriptor, Digest
from pipeline.model.descriptor import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from pipeline.model.manifest import Manifest
from pipeline.registry.auth.challenge import Scope, covers, parse_challenges, parse_scopes, pull, push, union
from pipeline.registry.http.headers import next_link, received_bytes, retry_after, retry_after_in_message

from . import images

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('</v2/a/tags/list?last=b&n=2>; rel="next"', "/v2/a/tags/list?last=b&n=2"),
        ("</next>; rel=next", "/next"),
        ("</next>;rel=NEXT", "/next"),
        ('</prev>; rel="prev", </next>; rel="next"', "/next"),
        ('</both>; rel="prev next"', "/both"),
        ('</a,b;c>; title="x; rel=next, y"; rel="next"', "/a,b;c"),
        ('</other>; title="rel=next"', None),
        ("<https://else.where/x>; rel=next", "https://else.where/x"),
        ("/no/brackets; rel=next", None),
        ("", None),
        (None, None),
    ],
)
def test_links(value: str | None, expected: str | None) -> None:
    assert next_link(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("Tue, 14 Nov 2023 22:13:50 GMT", 30.0),
        ("Tue, 14 Nov 2023 22:00:00 GMT", 0.0),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("99999999999999999999", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after(value: str | None, expected: float | None) -> None:
    assert retry_after(value, NOW) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("retry-after: 115.708µs, allowed: 44000/minute", 115.708e-6),
        ("retry-after: 1m30s, allowed: 1/minute", 90.0),
        ("Retry-After: 250ms", 0.25),
        ("toomanyrequests: retry-after: 2h0m1.5s", 7201.5),
        ("retry-after: soon", None),
        ("slow down", None),
    ],
)
def test_retry_after_in_the_body(text: str, expected: float | None) -> None:
    found = retry_after_in_message(text)
    assert found is None if expected is None else found == pytest.approx(expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0-0", 0),
        ("0-99", 100),
        ("bytes=0-99", 100),
        ("bytes 0-99", 100),
        ("5-99", None),
        ("", None),
        (None, None),
    ],
)
def test_ranges(value: str | None, expected: int | None) -> None:
    assert received_bytes(value) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            [
                'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"'
            ],
            [
                (
                    "bearer",
                    {
                        "realm": "https://auth.docker.io/token",
                        "service": "registry.docker.io",
                        "scope": "repository:a/b:pull,push",
                    },
                )
            ],
        ),
        (["Basic realm=plain"], [("basic", {"realm": "plain"})]),
        (['BASIC realm="a \\"quoted\\" name"'], [("basic", {"realm": 'a "quoted" name'})]),
        (["Negotiate", 'Basic realm="x"'], [("negotiate", {}), ("basic", {"realm": "x"})]),
        (['Negotiate YWJj==, Basic realm="x"'], [("negotiate", {}), ("basic", {"realm": "x"})]),
        (
            ['Basic realm="x", Bearer realm="y" , service = "z"'],
            [("basic", {"realm": "x"}), ("bearer", {"realm": "y", "service": "z"})],
        ),
        ([""], []),
        (["="], []),
        ([], []),
    ],
)
def test_challenges(values: list[str], expected: list[tuple[str, dict[str, str]]]) -> None:
    assert [(c.scheme, dict(c.parameters)) for c in parse_challenges(values)] == expected


@given(st.lists(st.text(max_size=300), max_size=3))
def test_no_header_breaks_the_parsers(values: list[str]) -> None:
    parse_challenges(values)
    for value in values:
        next_link(value)
        retry_after(value, NOW)
        retry_after_in_message(value)
        received_bytes(value)
        parse_scopes(value)


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.text(min_size=1, max_size=40), max_size=4
    )
)
def test_quoted_parameters_survive(parameters: dict[str, str]) -> None:
    quoted = ", ".join(
        f'{k}="{v.translate({34: chr(92) + chr(34), 92: chr(92) * 2})}"' for k, v in parameters.items()
    )
    if "\n" not in quoted and "\r" not in quoted:
        assert [dict(c.parameters) for c in parse_challenges([f"Bearer {quoted}"])] == [parameters]


def test_scopes() -> None:
    both = union([pull("a/b")], [push("a/b"), pull("c")])
    assert sorted(map(str, both)) == ["repository:a/b:pull,push", "repository:c:pull"]
    assert covers(both, frozenset({pull("a/b"), pull("c")}))
    assert not covers(frozenset({pull("a/b")}), frozenset({push("a/b")}))
    assert parse_scopes("repository:host:5000/a:pull registry:catalog:* junk") == {
        Scope("repository", "host:5000/a", frozenset({"pull"})),
        Scope("registry", "catalog", frozenset({"*"})),
    }


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
    ("raw", "media_type", "why"),
    [
        (b"", "", "Expecting value"),
        (b"[]", OCI_MANIFEST, "object"),
        (b"\xff{}", OCI_MANIFEST, "UTF-8"),
        (b"[" * 100_000, OCI_MANIFEST, "deeply"),
        (b'{"a":' * 60 + b"1" + b"}" * 60, OCI_MANIFEST, "deeply"),
        (b'{"layers":[],"layers":[]}', OCI_MANIFEST, "twice"),
        (b'{"config":NaN}', OCI_MANIFEST, "NaN"),
        (GOOD.raw, OCI_INDEX, "but says of itself"),
        (GOOD.raw, DOCKER_MANIFEST, "but says of itself"),
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
def test_what_is_no_manifest_is_refused(raw: bytes, media_type: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Manifest.parse(raw, media_type)


@given(st.binary(max_size=200), st.sampled_from(["", OCI_MANIFEST, OCI_INDEX]))
def test_any_bytes_are_a_manifest_or_a_value_error(raw: bytes, media_type: str) -> None:
    try:
        found = Manifest.parse(raw, media_type)
    except ValueError:
        return
    assert found.raw == raw


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
        found = Manifest.parse(json.dumps(data).encode(), OCI_INDEX if "manifests" in data else OCI_MANIFEST)
    except ValueError:
        return
    _ = (
        found.children,
        found.blobs,
        found.subject,
        found.artifact_type,
        found.annotations,
        found.as_referrer(),
    )
