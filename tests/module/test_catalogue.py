"""The part of the catalogue that a call is for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.catalogue.source import Source
from pipeline.config import Lock
from pipeline.errors import ConfigError, UsageError
from pipeline.model import Digest, Platform, Reference
from pipeline.module.catalogue import Catalogue, shard_of
from pipeline.plan.locked import require_locked

LOCK = Lock.of({Reference.parse("docker.io/library/debian:12"): Digest.of(b"1")})
BASE = {
    "below": "FROM docker.io/library/debian:12\n",
    "app": "FROM below:1\n",
    "apart": "FROM docker.io/library/debian:12\n",
}

_PROJECT = """\
version: 1
project: p
registry: registry.example
bases: [docker.io/library/debian:12]
platforms: [linux/amd64, linux/arm64]
"""


def source(**texts: str) -> Source:
    """Images with one tag each, by name and Dockerfile."""
    files = {"lockage.yml": _PROJECT}
    for name, text in texts.items():
        files[f"images/{name}/image.yml"] = f"title: {name}\ntags: ['1']\n"
        files[f"images/{name}/Dockerfile.tmpl"] = text
    return Source.of(files)


NOW = Catalogue(source(**BASE), LOCK, None, (), (), None, None)


def images(catalogue: Catalogue) -> set[str]:
    """The images of the selected plan."""
    return {target.image for target in catalogue.plan(LOCK).targets}


def test_everything_is_selected_by_default():
    assert images(NOW) == {"below", "app", "apart"} and not NOW.whole(LOCK)


@pytest.mark.parametrize(("targets", "expected"), [(("app",), {"below", "app"}), (("apart:1",), {"apart"})])
def test_targets_come_with_their_bases(targets: tuple[str, ...], expected: set[str]):
    assert images(replace(NOW, targets=targets)) == expected


@pytest.mark.parametrize(
    ("changed", "targets", "expected"),
    [
        ({}, (), set()),
        ({"apart": "FROM docker.io/library/debian:12\nRUN x\n"}, (), {"apart"}),
        ({"below": "FROM docker.io/library/debian:12\nRUN x\n"}, (), {"below", "app"}),
        ({"below": "FROM docker.io/library/debian:12\nRUN x\n"}, ("apart",), set()),
    ],
)
def test_a_commit_selects_what_it_changed_and_its_dependents(changed, targets, expected):
    before = source(**{**BASE, **changed})
    assert images(replace(NOW, before=before, targets=targets)) == expected


def test_the_shards_are_the_whole_plan():
    parts = [replace(NOW, shard=(number, 2)).plan(LOCK).targets for number in (1, 2)]
    assert {t.id for part in parts for t in part} == {t.id for t in NOW.plan(LOCK).targets}


def test_what_is_left_to_others_is_known_whole():
    part = replace(NOW, platforms=(Platform.parse("linux/arm64"),))
    assert {str(t.platform) for t in part.plan(LOCK).targets} == {"linux/arm64"}
    assert {name: len(group) for name, group in part.whole(LOCK).items()} == {
        "below:1": 2,
        "app:1": 2,
        "apart:1": 2,
    }


def test_platforms_of_a_base_that_a_named_image_lacks_are_left_to_others():
    files = {path: file for path, file in NOW.source.files.items() if file.kind == "file"}
    one = Source.of({**files, "images/app/image.yml": "tags: ['1']\nplatforms: [linux/amd64]\n"})
    part = replace(NOW, source=one, targets=("app",))
    assert [t.id for t in part.plan(LOCK).targets] == ["below/1/linux-amd64", "app/1/linux-amd64"]
    assert {name: len(group) for name, group in part.whole(LOCK).items()}["below:1"] == 2


def test_a_snapshot_has_tags_of_its_own():
    plan = replace(NOW, snapshot_id="mr-1").plan(LOCK)
    assert {tag for target in plan.targets for tag in target.tags} == {"1-mr-1"}


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "1/2/3", "x/y", "1/9999999", " 1/2", "1/02"])
def test_a_shard_is_one_of_several(text: str):
    with pytest.raises(UsageError, match="is not I/N"):
        shard_of(text)


def test_shards_are_read():
    assert shard_of("2/3") == (2, 3) and shard_of("") is None


def test_bases_without_a_digest_can_be_refused():
    require_locked(NOW.plan(_full(NOW)), "lockage.lock")
    with pytest.raises(ConfigError) as refused:
        require_locked(NOW.plan(None), "lockage.lock")
    assert {problem.message for problem in refused.value.problems} == {"is not locked"}


def _full(catalogue: Catalogue) -> Lock:
    wanted = catalogue.plan(None).unlocked
    return Lock.of({reference: Digest.of(str(reference).encode()) for reference in wanted})
