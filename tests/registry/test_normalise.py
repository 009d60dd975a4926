"""The normal form of whole images, on real registries, without an engine."""

from __future__ import annotations

import gzip
import io
import json
import random
import tarfile
from collections.abc import Callable, Collection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from pipeline.model import Descriptor, Digest, Repository, compact
from pipeline.model.descriptor import OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST
from pipeline.registry import Manifest, Registry
from pipeline.release.layer import LayerFault
from pipeline.release.normalise import NORMAL, Base, normalise
from pipeline.run.normal import forget
from tests.release.layers import Made, tar, zstd

from .conftest import Program

pytestmark = [pytest.mark.real, pytest.mark.anyio]

EPOCH = 1_700_000_000
EARLIER, LATER = "2023-11-01T00:00:00Z", "2023-11-20T00:00:00.123456789Z"


async def push(
    registry: Registry,
    repo: Repository,
    *layers: list[Made],
    imported: Collection[int] = (),
    below: int = 0,
    began: str = LATER,
    tag: str | None = None,
    lie: bool = False,
    pack: Callable[[bytes], bytes] = lambda content: gzip.compress(content, mtime=0),
) -> Manifest:
    """An image as the engine pushes it: a step a layer; its history says of some that they were imported, and the
    first, `below`, came to its cache earlier than the others."""
    described, diff_ids, history = [], [], []
    for number, entries in enumerate(layers):
        content = tar(entries)
        layer = await registry.put_blob(repo, pack(content))
        kind = OCI_LAYER_GZIP.replace("+gzip", {zstd: "+zstd", bytes: ""}.get(pack, "+gzip"))
        described.append(Descriptor(kind, layer.digest, layer.size).to_oci())
        diff_ids.append(str(Digest.of(b"else" if lie else content)))
        by = f"import image layer {layer.digest}" if number in imported else "mount / from exec"
        history.append({"created": began if number >= below else EARLIER, "created_by": by})
    config = compact(
        {
            "os": "linux",
            "created": began,
            "history": history,
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        }
    )
    manifest: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": (await registry.put_blob(repo, config, Descriptor.of(config, OCI_CONFIG))).to_oci(),
        "layers": described,
        "annotations": {"org.opencontainers.image.title": "x"},
    }
    raw = compact(manifest)
    await registry.put_manifest(repo, raw, OCI_MANIFEST, tag=tag)
    return Manifest.parse(raw)


def files(moment: int) -> list[Made]:
    """A layer of files that were written at some moment."""
    return [Made("etc", "folder", mtime=moment), Made("etc/a", content=b"a", mtime=moment)]


async def test_builds_of_different_moments_become_one(
    registry: Registry, repo: Repository, tmp_path: Path, crane: Program
) -> None:
    base = await push(registry, repo, files(5))
    found = []
    for moment in (EPOCH + 10, EPOCH + 700_000):
        raw = await push(registry, repo, files(5), files(moment), imported=[0])
        found.append(
            await normalise(
                registry, repo, raw, epoch=EPOCH, base=Base(repo, base), scratch=tmp_path, tag="t"
            )
        )
    one, two = found
    assert one.manifest.raw == two.manifest.raw and one.layers == 1
    assert one.manifest.layers[0] == base.layers[0], "the base's layers stay as they are"
    assert one.manifest.annotations == {"org.opencontainers.image.title": "x", NORMAL: "1"}
    config = json.loads(await registry.blob(repo, one.manifest.config))
    assert {config["created"], *(s["created"] for s in config["history"])} == {"2023-11-14T22:13:20Z"}
    assert await crane("digest", f"{repo}:t") == str(one.manifest.digest)
    await crane("validate", "--remote", f"{repo}:t")
    assert not [left async for left in anyio.Path(tmp_path).iterdir()]


async def test_a_second_time_nothing_is_read_or_sent(
    registry: Registry, repo: Repository, tmp_path: Path
) -> None:
    raw = await push(registry, repo, files(EPOCH + 1))
    first = await normalise(registry, repo, raw, epoch=EPOCH, base=None, scratch=tmp_path, tag="t")
    asked = registry.stats.total
    again = await normalise(registry, repo, first.manifest, epoch=EPOCH, base=None, scratch=tmp_path)
    assert (again.manifest, again.layers) == (first.manifest, 0)
    assert registry.stats.total == asked


async def test_steps_that_ran_before_the_commit(registry: Registry, repo: Repository, tmp_path: Path) -> None:
    """From an engine's cache: written earlier than the epoch, but not before the build began."""
    moment = 1_698_796_803  # three seconds after EARLIER
    cached = await push(registry, repo, files(moment), began=EARLIER)
    anew = await push(registry, repo, files(EPOCH + 50))
    made = [
        await normalise(registry, repo, raw, epoch=EPOCH, base=None, scratch=tmp_path)
        for raw in (cached, anew)
    ]
    assert made[0].manifest == made[1].manifest


async def test_layers_of_an_older_build_of_the_base_are_swapped(
    registry: Registry, repo: Repository, tmp_path: Path
) -> None:
    theirs, mine = files(EPOCH), files(EPOCH + 5)
    base = await push(registry, repo, theirs)
    stale = await push(registry, repo, files(EPOCH - 900), mine, imported=[0])
    found = await normalise(registry, repo, stale, epoch=EPOCH, base=Base(repo, base), scratch=tmp_path)
    right = await push(registry, repo, theirs, mine, imported=[0])
    wanted = await normalise(registry, repo, right, epoch=EPOCH, base=Base(repo, base), scratch=tmp_path)
    assert found.manifest == wanted.manifest and found.manifest.layers[0] == base.layers[0]
    other = [Made("etc", "folder"), Made("etc/a", content=b"b")]
    another = await push(registry, repo, other, mine, imported=[0])
    kept = await normalise(registry, repo, another, epoch=EPOCH, base=Base(repo, base), scratch=tmp_path)
    assert kept.manifest.layers[0] != base.layers[0], "other content is never taken for the base's"


@pytest.mark.parametrize("imported", [(), (0, 1), (1,), (0,)])
async def test_a_base_that_was_packed_anew_is_known_by_its_diff_ids(
    registry: Registry, repo: Repository, tmp_path: Path, imported: tuple[int, ...]
) -> None:
    """As an engine does that was started again, whatever the base was packed with; its layers are not even read.

    Of what it packed anew its history does not say that it was imported, of what it pulls afterwards it does."""
    content = [Made("big", content=random.Random(1).randbytes(300_000))]
    base = await push(registry, repo, content, files(5), pack=zstd)
    of_a_package = EPOCH - 1000  # after the base came to the cache, before the build
    ours = await push(registry, repo, content, files(5), files(of_a_package), imported=imported, below=2)
    received = registry.stats.bytes_down
    found = await normalise(registry, repo, ours, epoch=EPOCH, base=Base(repo, base), scratch=tmp_path)
    assert found.manifest.layers[:2] == base.layers and found.layers == 1
    assert registry.stats.bytes_down - received < 100_000
    config = json.loads(await registry.blob(repo, found.manifest.config))
    assert config["rootfs"]["diff_ids"][0] == str(Digest.of(tar(content)))
    own = gzip.decompress(await registry.blob(repo, found.manifest.layers[2]))
    with tarfile.open(fileobj=io.BytesIO(own)) as archive:
        assert archive.getmember("etc/a").mtime == of_a_package


@pytest.mark.parametrize("pack", [zstd, bytes])
async def test_what_layers_were_packed_with_makes_no_difference(
    registry: Registry, repo: Repository, tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    base, made = Base(repo, await push(registry, repo, files(5))), []
    for how in (gzip.compress, pack):
        raw = await push(registry, repo, files(5), files(EPOCH + 1), pack=how)
        made.append(await normalise(registry, repo, raw, epoch=EPOCH, base=base, scratch=tmp_path))
    assert made[0].manifest == made[1].manifest
    assert {layer.media_type for layer in made[0].manifest.layers} == {OCI_LAYER_GZIP}


async def test_a_layer_that_is_not_the_config_s_is_refused(
    registry: Registry, repo: Repository, tmp_path: Path
) -> None:
    raw = await push(registry, repo, files(1), lie=True)
    with pytest.raises(LayerFault, match="not the one its config names"):
        await normalise(registry, repo, raw, epoch=EPOCH, base=None, scratch=tmp_path, tag="t")
    assert await registry.get_manifest(repo.tagged("t")) is None


async def test_the_engine_s_tag_does_not_stay(registry: Registry, repo: Repository, tmp_path: Path) -> None:
    """Deleted, or where that is refused, moved to the normal form."""
    raw = await push(registry, repo, files(EPOCH + 1), tag="key-raw")
    normal = await normalise(registry, repo, raw, epoch=EPOCH, base=None, scratch=tmp_path, tag="key")
    await forget(SimpleNamespace(registry=registry), repo.tagged("key-raw"), normal.manifest)
    left = await registry.get_manifest(repo.tagged("key-raw"))
    assert left is None or left.digest == normal.manifest.digest
    assert (await registry.get_manifest(repo.tagged("key"))).digest == normal.manifest.digest
