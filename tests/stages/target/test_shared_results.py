"""Images in which a tool reads the same are examined once in a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from pipeline.errors import BuildError
from pipeline.model import Digest, Manifest
from pipeline.model.descriptor import OCI_MANIFEST
from pipeline.run.target.examination.shared_results import SharedResults, content_read

pytestmark = pytest.mark.anyio

KEY, OTHER = Digest.of(b"1"), Digest.of(b"2")
CREATED, REVISION = (f"org.opencontainers.image.{name}" for name in ("created", "revision"))
CONFIG = {"architecture": "amd64", "os": "linux", "config": {"Labels": {"a": "b"}}}


def content(config: Any = CONFIG, layer: bytes = b"layer", tag: str = "1") -> Digest:
    raw = config if isinstance(config, bytes) else json.dumps(config).encode()
    described = {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "size": 5}
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "size": len(raw),
            "digest": str(Digest.of(raw)),
        },
        "layers": [described | {"digest": str(Digest.of(layer))}],
    }
    return content_read(("app", tag), Manifest.parse(json.dumps(manifest).encode(), OCI_MANIFEST), raw)


def labelled(**labels: str) -> dict[str, Any]:
    names = {"created": CREATED, "revision": REVISION}
    return CONFIG | {"config": {"Labels": {"a": "b"} | {names[key]: text for key, text in labels.items()}}}


def test_the_architecture_makes_no_difference() -> None:
    assert content() == content(CONFIG | {"architecture": "arm64"})


@pytest.mark.parametrize("revision", ["0" * 40, "f" * 64, "0" * 40 + "-dirty", "local"])
def test_when_and_from_which_commit_it_was_built_makes_no_difference(revision: str) -> None:
    assert content() == content(labelled(created="2026-11-28T15:27:11Z", revision=revision))


@pytest.mark.parametrize(
    "other",
    [
        content(CONFIG | {"variant": "v7"}),
        content(CONFIG | {"config": {"Labels": {"a": "c"}}}),
        content(labelled(created="a password")),
        content(labelled(revision="0" * 41)),
        content(labelled(revision="0" * 40 + "\n")),
        content(layer=b"other"),
        content(tag="2"),
        content(b"{"),
        content([1]),
    ],
)
def test_everything_else_does(other: Digest) -> None:
    assert other != content()


def test_configurations_that_cannot_be_read_are_told_apart() -> None:
    assert content(b"{") != content(b"{{") and content(b"{") == content(b"{")


def size(listed: Mapping[str, bytes]) -> int:
    return sum(map(len, listed.values()))


class Lister:
    """Lists documents of this size, after the given number of failures."""

    def __init__(self, size: int = 10, failures: int = 0) -> None:
        self.size, self.failures, self.calls = size, failures, 0

    async def __call__(self) -> Mapping[str, bytes]:
        self.calls += 1
        await anyio.lowlevel.checkpoint()
        if self.calls <= self.failures:
            raise BuildError("listing fails")
        return {"syft-json": bytes(self.size)}


async def test_equal_images_are_listed_once_and_others_beside_them() -> None:
    results, one, other = SharedResults(size), Lister(), Lister()
    async with anyio.create_task_group() as group:
        for key, lister in ((KEY, one), (KEY, one), (OTHER, other), (KEY, one)):
            group.start_soon(results.of, key, lister)
    assert (one.calls, other.calls) == (1, 1)


async def test_after_a_failure_the_next_one_lists_again() -> None:
    results, lister = SharedResults(size), Lister(failures=1)
    with pytest.raises(BuildError):
        await results.of(KEY, lister)
    assert await results.of(KEY, lister) and lister.calls == 2


async def test_the_oldest_are_forgotten_where_there_are_too_many() -> None:
    results, one, other = SharedResults(size, kept=15), Lister(), Lister()
    for key, lister in ((KEY, one), (OTHER, other), (OTHER, other), (KEY, one)):
        await results.of(key, lister)
    assert (one.calls, other.calls) == (2, 1)


async def test_what_is_too_large_is_kept_until_the_next_one() -> None:
    results, one, other = SharedResults(size, kept=5), Lister(), Lister()
    for key, lister in ((KEY, one), (KEY, one), (OTHER, other), (KEY, one)):
        await results.of(key, lister)
    assert (one.calls, other.calls) == (2, 1)
