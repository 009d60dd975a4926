"""The epoch of a build: when the oldest of its bases was made, by their own configurations in a real registry."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline.catalogue import Source
from pipeline.config import Lock
from pipeline.model import Descriptor, Digest, Mirrors, Platform, Reference, Repository
from pipeline.model.descriptor import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST
from pipeline.plan import make_plan
from pipeline.registry import Registry
from pipeline.registry.platform_image import ImageReader
from pipeline.run.image_cache import ImageCache
from pipeline.run.target.epoch import FIRST, build_epoch, image_created
from pipeline.run.target.inputs import BaseImages
from pipeline.util.json.canonical import compact

pytestmark = [pytest.mark.real, pytest.mark.anyio]

AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")
LATER, LATEST = "2027-03-01T12:00:00Z", "2028-01-01T00:00:00.123456789Z"
_names = itertools.count()


def seconds(moment: str) -> int:
    """A moment as seconds since 1970."""
    return int(datetime.fromisoformat(moment).timestamp())


@pytest.fixture
def repository(olareg: str) -> Repository:
    """A repository of bases that nobody else uses."""
    return Repository(olareg, f"epoch/r{next(_names)}")


async def image(registry: Registry, repository: Repository, created: object, **more: Any) -> Digest:
    """An image of one platform that says so of itself; `...` says nothing."""
    config: dict[str, Any] = {"os": "linux", "rootfs": {"type": "layers", "diff_ids": []}, **more}
    if created is not ...:
        config["created"] = created
    raw = compact(config)
    described = await registry.put_blob(repository, raw, Descriptor.of(raw, OCI_CONFIG))
    manifest = compact(
        {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": described.to_oci(), "layers": []}
    )
    await registry.put_manifest(repository, manifest, OCI_MANIFEST)
    return Digest.of(manifest)


async def index(registry: Registry, repository: Repository, **children: Digest) -> Digest:
    """An index of some architectures of Linux."""
    entries = [
        Descriptor(OCI_MANIFEST, digest, 1).to_oci() | {"platform": {"os": "linux", "architecture": name}}
        for name, digest in children.items()
    ]
    raw = compact({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries})
    await registry.put_manifest(repository, raw, OCI_INDEX)
    return Digest.of(raw)


class OneRepository(Mirrors):
    """Finds every image of docker.io in one repository, by its digest."""

    def locate(self, reference: Reference) -> Reference:
        """The image with the reference's digest."""
        assert reference.digest
        return self.by_host["docker.io"].at(reference.digest)


class App:
    """A target `app` on bases of `repository`, where every image of docker.io is."""

    def __init__(self, registry: Registry, repository: Repository, dockerfile: str, **bases: Digest) -> None:
        locked = {Reference.parse(f"docker.io/library/{name}:1"): digest for name, digest in bases.items()}
        files = {
            "lockage.yml": f"version: 1\nproject: p\nbases: [{', '.join(f'{n}:1' for n in bases)}]\n",
            "images/low/image.yml": "tags: [1.0.0]\n",
            "images/low/Dockerfile.tmpl": "FROM scratch\n",
            "images/app/image.yml": "tags: [1.0.0]\n",
            "images/app/Dockerfile.tmpl": dockerfile,
        }
        plan = make_plan(Source.of(files), lock=Lock.of(locked))
        self.target = plan.by_id["app/1.0.0/linux-amd64"]
        self.registry, self.repository = registry, repository
        self.mirrors: Mirrors = OneRepository({"docker.io": repository})

    async def epoch(
        self, low: Digest | None = None, given: int | None = None, reader: ImageReader | None = None
    ) -> int:
        """The epoch of the target."""
        digests = {"low/1.0.0/linux-amd64": low} if low else {}
        bases = BaseImages(digests, lambda _: self.repository, self.mirrors)
        return await build_epoch(reader or self.registry, self.target, bases, given)


async def test_a_base_of_one_platform(registry: Registry, repository: Repository) -> None:
    debian = await image(registry, repository, LATER)
    app = App(registry, repository, "FROM debian:1\nRUN x\n", debian=debian)
    assert await app.epoch() == seconds(LATER)


async def test_of_an_index_the_platforms_own(registry: Registry, repository: Repository) -> None:
    arm, amd = await image(registry, repository, LATER), await image(registry, repository, LATEST)
    debian = await index(registry, repository, arm64=arm, amd64=amd)
    app = App(registry, repository, "FROM debian:1\nRUN x\n", debian=debian)
    assert await app.epoch() == seconds(LATEST)
    foreign = App(registry, repository, "FROM --platform=linux/arm64 debian:1\nRUN x\n", debian=debian)
    assert await foreign.epoch() == seconds(LATER)
    reference = repository.at(debian)
    assert await image_created(registry, reference, AMD64) == seconds(LATEST)
    assert await image_created(registry, reference, ARM64) == seconds(LATER)
    other = await image_created(registry, reference, Platform("linux", "s390x"))
    assert other == seconds(LATER), "the first, where none fits: always the same one"


@pytest.mark.parametrize(
    "created",
    [
        ...,
        None,
        "",
        17,
        [],
        "yesterday",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "1970-01-01T00:00:00Z",
        "2026-10-31T23:59:59Z",
        "2026-13-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "99999-01-01T00:00:00Z",
    ],
)
async def test_a_base_that_says_nothing_of_its_age_or_is_older_than_all_builds(
    registry: Registry, repository: Repository, created: object
) -> None:
    app = App(
        registry,
        repository,
        "FROM debian:1\nRUN x\n",
        debian=await image(registry, repository, created),
    )
    assert await app.epoch() == FIRST


@pytest.mark.parametrize(
    ("created", "moment"),
    [
        (LATEST, 1_830_297_600),
        ("2028-01-01T02:00:00+02:00", 1_830_297_600),
        ("2027-12-31T22:30:00.5-01:30", 1_830_297_600),
        ("2028-01-01T00:00:00", 1_830_297_600),
    ],
)
async def test_the_ways_to_write_a_moment(
    registry: Registry, repository: Repository, created: str, moment: int
) -> None:
    digest = await image(registry, repository, created)
    assert await image_created(registry, repository.at(digest), AMD64) == moment


async def test_what_is_not_there_or_is_no_image_has_no_age(
    registry: Registry, repository: Repository
) -> None:
    gone = Digest.of(b"gone")
    assert await image_created(registry, repository.at(gone), AMD64) == 0
    empty = await index(registry, repository)
    assert await image_created(registry, repository.at(empty), AMD64) == 0
    for text in (b"[1]", b"not JSON", b"\xff"):
        described = await registry.put_blob(repository, text, Descriptor.of(text, OCI_CONFIG))
        manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": described.to_oci(), "layers": []}
        raw = compact(manifest)
        await registry.put_manifest(repository, raw, OCI_MANIFEST)
        assert await image_created(registry, repository.at(Digest.of(raw)), AMD64) == 0


async def test_no_base_at_all(registry: Registry, repository: Repository) -> None:
    assert await App(registry, repository, "FROM scratch\nUSER 1\n").epoch() == FIRST


async def test_the_oldest_of_several_stages_and_an_internal_base(
    registry: Registry, repository: Repository
) -> None:
    debian, node = await image(registry, repository, LATER), await image(registry, repository, LATEST)
    stages = "FROM node:1 AS a\nRUN x\nFROM debian:1\nCOPY --from=a /x /x\n"
    assert await App(registry, repository, stages, debian=debian, node=node).epoch() == seconds(LATER)
    copied = "FROM node:1\nCOPY --from=debian:1 /x /x\n"
    assert await App(registry, repository, copied, debian=debian, node=node).epoch() == seconds(LATER)
    low = await image(registry, repository, "2027-01-01T00:00:00Z")
    inside = App(registry, repository, "FROM node:1 AS a\nFROM low:1.0.0\nCOPY --from=a /x /x\n", node=node)
    assert await inside.epoch(low=low) == seconds("2027-01-01T00:00:00Z")


async def test_what_a_target_is_based_on_keeps_its_epoch_above(
    registry: Registry, repository: Repository
) -> None:
    """A base that was built with an epoch says it was created then, so its dependents have the same."""
    debian = await image(registry, repository, LATER)
    epoch = await App(registry, repository, "FROM debian:1\nRUN x\n", debian=debian).epoch()
    built = await image(registry, repository, datetime.fromtimestamp(epoch, UTC).isoformat())
    assert await App(registry, repository, "FROM low:1.0.0\nRUN y\n").epoch(low=built) == epoch


async def test_a_given_epoch_is_taken_as_it_is_and_nothing_is_looked_up(
    registry: Registry, repository: Repository
) -> None:
    app = App(registry, repository, "FROM debian:1\nRUN x\n", debian=Digest.of(b"gone"))
    before = registry.stats.total
    assert [await app.epoch(given=n) for n in (0, 1, 1_700_000_000)] == [0, 1, 1_700_000_000]
    assert registry.stats.total == before


async def test_each_base_is_looked_up_once(registry: Registry, repository: Repository) -> None:
    debian = await image(registry, repository, LATER)
    app, reader = App(registry, repository, "FROM debian:1\nRUN x\n", debian=debian), ImageCache(registry)
    await app.epoch(reader=reader)
    before = registry.stats.total
    assert await app.epoch(reader=reader) == seconds(LATER)
    assert registry.stats.total == before


async def test_bases_are_looked_up_where_their_mirror_is(registry: Registry, repository: Repository) -> None:
    prefix = Repository(repository.host, f"mirror{next(_names)}")
    mirrored = prefix.child("library/debian")
    debian = await image(registry, mirrored, LATER)
    app = App(registry, repository, "FROM debian:1\nRUN x\n", debian=debian)
    app.mirrors = Mirrors({"docker.io": prefix})
    assert await app.epoch() == seconds(LATER)
