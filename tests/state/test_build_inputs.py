"""What is new since the last build, in words: a base that moved, a line that changed, a file."""

from __future__ import annotations

import pytest

from pipeline.catalogue import Source
from pipeline.config import Lock
from pipeline.model import Digest, Reference, valid_tag
from pipeline.plan import Plan, make_plan
from pipeline.state.build_inputs import BuildInputs, difference, tag_in
from pipeline.util.json.canonical import compact

DEBIAN = Reference.parse("debian:12")
OLD, NEW = Digest.of(b"old"), Digest.of(b"new")
FILES = {
    "lockage.yml": "version: 1\nproject: p\nbases: [debian:12]\n",
    "images/base/image.yml": "tags: [1.0.0]\n",
    "images/base/Dockerfile.tmpl": "FROM debian:12\nRUN one\n",
    "images/app/image.yml": "tags: [1.0.0]\n",
    "images/app/Dockerfile.tmpl": "FROM base:1\nRUN two\n",
    "images/app/rootfs/etc/app": "1\n",
}


def plan(digest: Digest = OLD, **files: str) -> Plan:
    return make_plan(Source.of({**FILES, **files}), lock=Lock.of({DEBIAN: digest}))


def since(before: Plan, now: Plan, target: str) -> list[str]:
    old, new = (BuildInputs.of(p, p.by_id[f"{target}/1.0.0/linux-amd64"]) for p in (before, now))
    assert old and new
    return difference(BuildInputs.from_bytes(compact(old.to_json())), new)


def test_a_base_that_moved_is_named_at_every_height() -> None:
    (line,) = since(plan(), plan(NEW), "base")
    assert line == f"its base debian:12 moved to {str(NEW)[:19]}, was {str(OLD)[:19]}"
    (line,) = since(plan(), plan(NEW), "app")
    assert line.startswith("its base base:1 changed (key ")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, []),
        ({"images/app/test.yml.tpl": "schemaVersion: 2.0.0\nmetadataTest: {user: root}\n"}, []),
        ({"images/app/rootfs/etc/app": "2\n"}, ["rootfs/etc/app has other content"]),
        ({"images/app/rootfs/etc/more": "2\n"}, ["rootfs/etc/more is new"]),
        (
            {"images/app/Dockerfile.tmpl": "FROM base:1\nRUN three\n"},
            [
                "the Dockerfile differs:",
                "  @@ -2,2 +2,2 @@",
                "   COPY --chown=0:0 rootfs/ /",
                "  -RUN two",
                "  +RUN three",
            ],
        ),
        (
            {"images/app/image.yml": "tags: [1.0.0]\nlabels: {a: b}\n"},
            ["label a is b, was not there"],
        ),
    ],
)
def test_what_is_new(files: dict[str, str], expected: list[str]) -> None:
    assert since(plan(), plan(**files), "app") == expected


@pytest.mark.parametrize("identity", ["app/1.0.0/linux-amd64", "a__b/" + "x" * 128 + "/linux-arm-v7"])
def test_tags(identity: str) -> None:
    assert valid_tag(tag_in("0" * 12, identity))


@pytest.mark.parametrize("raw", [b"[]", b"{}", b'{"format_version": 1, "inputs": [], "bases": {}}', b"x"])
def test_what_is_no_build_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError):
        BuildInputs.from_bytes(raw)
