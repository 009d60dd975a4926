"""An index that lists the same manifests on many ways costs what its manifests cost, once each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Manifest, Repository
from pipeline.model.descriptor import OCI_INDEX, OCI_MANIFEST
from pipeline.oci.compare import Image, compare
from pipeline.oci.index import encode_index
from pipeline.registry import Registry, pull_layout, push_layout
from tests.registry import images
from tests.registry.conftest import fresh

pytestmark = [pytest.mark.anyio, pytest.mark.real]


async def fan(registry: Registry, repo: Repository, seed: str, width: int, levels: int) -> Manifest:
    """Push levels of `width` indexes that each list the whole next one, above `width` images. Returns the top."""
    children = []
    for number in range(width):
        image = images.image(f"{seed} {number}", platforms=("linux/amd64",), layers=1)
        await images.push(registry, repo, image)
        children.append(image.children[0])
    level = children
    for height in range(levels - 1):
        level = [index_of(level, f"{height}.{number}") for number in range(width)]
        for index in level:
            await registry.put_manifest(repo, index.raw, index.media_type)
    top = index_of(level, seed)
    await registry.put_manifest(repo, top.raw, top.media_type, tag="1")
    return top


def index_of(children: list[Manifest], note: str) -> Manifest:
    """An index that differs from all with another note."""
    return Manifest.parse(
        encode_index([replace(c.descriptor, annotations={"note": note}) for c in children]), OCI_INDEX
    )


async def test_a_copy_reads_and_writes_each_manifest_once(registry: Registry, repo: Repository) -> None:
    top, other = await fan(registry, repo, "copied", 6, 4), fresh(repo.host)
    async with Registry() as new:
        result = await new.copy(repo, top.digest, other, tag="1", referrers=False)
        requests = new.stats.requests
    assert result.manifests == requests["PUT"] == 6 * 4 + 1
    assert requests["GET"] == 6 * 4 + 1 and requests["HEAD"] == 1
    assert requests["POST"] == 6 * 2  # a config and a layer each
    assert await registry.get_manifest(other.tagged("1")) == top


async def test_layouts_take_each_manifest_once(registry: Registry, repo: Repository, tmp_path: Path) -> None:
    top = await fan(registry, repo, "pulled", 5, 4)
    async with Registry() as new:
        await pull_layout(new, repo, top.digest, tmp_path / "layout", referrers=False)
        assert new.stats.requests["GET"] == 5 * 4 + 1 + 5 * 2
    async with Registry() as new:
        await push_layout(new, tmp_path / "layout", fresh(repo.host), "1")
        assert new.stats.requests["PUT"] == 5 * 4 + 1 + 5 * 2


async def test_a_comparison_reads_each_manifest_once(
    registry: Registry, repo: Repository, tmp_path: Path
) -> None:
    before = await fan(registry, repo, "before", 4, 4)
    after = await fan(registry, repo, "after", 4, 4)
    async with Registry() as new:
        source = new.source(repo)
        sides = Image(source, before.digest, "before"), Image(source, after.digest, "after")
        comparison = await compare(*sides, tmp_path)
        assert new.stats.requests["GET"] == 2 * (4 * 4 + 1) + 2 * 4 * 2  # a config and a layer each
    assert not comparison.equal


async def test_a_chain_of_indexes_ends(registry: Registry, repo: Repository, tmp_path: Path) -> None:
    tops = []
    for name in ("old", "new"):
        level = await fan(registry, repo, name, 1, 1)
        for height in range(6):
            level = index_of([level], f"{name} {height}")
            await registry.put_manifest(repo, level.raw, level.media_type)
        tops.append(level)
    source = registry.source(repo)
    with pytest.raises(RegistryError, match="nested more than 4 deep"):
        await registry.copy(repo, tops[0].digest, fresh(repo.host), tag="1")
    with pytest.raises(RegistryError, match="nested more than 4 deep"):
        await pull_layout(registry, repo, tops[0].digest, tmp_path / "layout")
    with pytest.raises(RegistryError, match="nested more than 4 deep"):
        await compare(Image(source, tops[0].digest, "a"), Image(source, tops[1].digest, "b"), tmp_path)


async def test_nothing_is_written_of_a_tree_that_lies(registry: Registry, repo: Repository) -> None:
    """An entry may state any size; registries accept it."""
    image, other = images.image("lies", platforms=("linux/amd64",)), fresh(repo.host)
    await images.push(registry, repo, image)
    entry = Descriptor(OCI_MANIFEST, image.children[0].digest, 7)
    top = Manifest.parse(encode_index([entry]), OCI_INDEX)
    await registry.put_manifest(repo, top.raw, top.media_type, tag="lies")
    async with Registry() as new:
        with pytest.raises(RegistryError, match="lists it states 7"):
            await new.copy(repo, top.digest, other, tag="1")
        assert set(new.stats.requests) == {"GET", "HEAD"}
