"""Copies: complete, in order, and in few requests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest, Repository
from pipeline.model.descriptor import EMPTY_JSON, OCI_EMPTY
from pipeline.oci.layout import Layout
from pipeline.oci.source import fallback_tag
from pipeline.registry import Registry, Stats, pull_layout, push_layout
from tests.registry import images
from tests.registry.conftest import Program, fresh
from tests.registry.fault_proxy import faulty

pytestmark = [pytest.mark.anyio, pytest.mark.real]


def by_method(stats: Stats, before: Stats) -> dict[str, int]:
    return dict(stats.since(before).requests)


async def same(registry: Registry, repo: Repository, image: images.Image, tag: str) -> None:
    """The repository holds exactly this image, to the last blob."""
    assert await registry.get_manifest(repo.tagged(tag)) == image.index
    for child in image.children:
        assert await registry.get_manifest(repo.at(child.digest)) == child
    for descriptor, content in image.blobs.items():
        assert await registry.blob(repo, descriptor) == content


async def test_within_one_registry_at_the_floor_plus_one(
    registry: Registry, repo: Repository, crane: Program
) -> None:
    image, other = images.image("floor"), fresh(repo.host)
    await images.push(registry, repo, image, "1")
    async with Registry() as new:
        result = await new.copy(repo, image.index.digest, other, tag="1", referrers=False)
        assert dict(new.stats.requests) == {"GET": 3, "HEAD": 1, "POST": 8, "PUT": 3}
        assert (result.mounted, result.uploaded, result.manifests, result.tagged) == (8, 0, 3, True)
    await same(registry, other, image, "1")
    await crane("validate", "--remote", str(other.tagged("1")))


async def test_another_tag_costs_one_request_when_the_bytes_are_at_hand(
    registry: Registry, repo: Repository
) -> None:
    image, other = images.image("at hand"), fresh(repo.host)
    await images.push(registry, repo, image, "1")
    await registry.copy(repo, image.index.digest, other, tag="1", referrers=False)
    before = registry.stats
    await registry.copy(repo, image.index.digest, other, tag="2", referrers=False)
    assert by_method(registry.stats, before) == {"PUT": 1}
    async with Registry() as new:
        await new.copy(other, image.index.digest, other, tag="3")
        assert dict(new.stats.requests) == {"GET": 1, "PUT": 1}
    assert await registry.tags(other) == ["1", "2", "3"]


async def test_a_second_copy_changes_nothing(registry: Registry, repo: Repository) -> None:
    image, other = images.image("again"), fresh(repo.host)
    await images.push(registry, repo, image, "1")
    await images.attach(registry, repo, image.index.descriptor, "note")
    await registry.copy(repo, image.index.digest, other, tag="1")
    async with Registry() as new:
        result = await new.copy(repo, image.index.digest, other, tag="1")
        assert set(new.stats.requests) <= {"GET", "HEAD"}
        assert result.already and not result.tagged and result.manifests == 0


async def test_referrers_of_all_and_of_themselves(registry: Registry, repo: Repository) -> None:
    image, other = images.image("attached"), fresh(repo.host)
    await images.push(registry, repo, image, "1")
    sbom = await images.attach(registry, repo, image.index.descriptor, "sbom")
    signed = await images.attach(registry, repo, sbom.descriptor, "signature of the sbom")
    child = await images.attach(registry, repo, image.children[0].descriptor, "signature of a child")
    async with Registry() as new:
        result = await new.copy(repo, image.index.digest, other, tag="1")
    assert {d.digest for d in result.referrers} == {sbom.digest, signed.digest, child.digest}
    for subject, expected in ((image.index, sbom), (sbom, signed), (image.children[0], child)):
        found = await registry.referrers(other, subject.digest)
        assert [d.digest for d in found] == [expected.digest]
        assert found[0].annotations == expected.annotations
    late = await images.attach(registry, repo, image.index.descriptor, "added later")
    async with Registry() as new:
        await new.copy(repo, image.index.digest, other, tag="1")
    assert {d.digest for d in await registry.referrers(other, image.index.digest)} == {
        sbom.digest,
        late.digest,
    }


async def test_the_order_never_shows_anything_incomplete(host: str) -> None:
    async with faulty(host) as proxy, Registry() as registry:
        image, repo, other = images.image("order"), fresh(proxy.host), fresh(proxy.host)
        await images.push(registry, repo, image, "1")
        note = await images.attach(registry, repo, image.index.descriptor, "note")
        start = len(proxy.asked)
        async with Registry() as new:
            await new.copy(repo, image.index.digest, other, tag="1")
        puts = [path.rpartition("/")[2] for method, path in proxy.asked[start:] if method == "PUT"]
    children = [str(c.digest) for c in image.children]
    assert sorted(puts[:2]) == sorted(children)
    assert puts[2] == str(note.digest)
    assert puts[-1] == "1"


async def test_signatures_under_tags_go_along(registry: Registry, repo: Repository) -> None:
    image, other = images.image("old signature"), fresh(repo.host)
    await images.push(registry, repo, image, "1")
    config, content = Descriptor.of(EMPTY_JSON, OCI_EMPTY), b"payload"
    await registry.put_blob(repo, EMPTY_JSON, config)
    await registry.put_blob(
        repo, content, Descriptor.of(content, "application/vnd.dev.cosign.simplesigning.v1+json")
    )
    old = images.manifest_of(
        config, [Descriptor.of(content, "application/vnd.dev.cosign.simplesigning.v1+json")]
    )
    tag = fallback_tag(image.index.digest) + ".sig"
    await registry.put_manifest(repo, old.raw, old.media_type, tag=tag)
    await registry.copy(repo, image.index.digest, other, tag="1")
    assert await registry.get_manifest(other.tagged(tag)) == old


async def test_what_a_list_names_but_nobody_has_is_left_out(registry: Registry, distribution: str) -> None:
    repo, other = fresh(distribution), fresh(distribution)
    image = images.image("dangling")
    await images.push(registry, repo, image, "1")
    kept = await images.attach(registry, repo, image.index.descriptor, "kept")
    gone = await images.attach(registry, repo, image.index.descriptor, "gone")
    await registry.delete(repo.at(gone.digest))
    async with Registry() as new:
        result = await new.copy(repo, image.index.digest, other, tag="1")
    assert result.dangling == (gone.digest,)
    assert [d.digest for d in result.referrers] == [kept.digest]


async def test_between_registries(registry: Registry, olareg: str, distribution: str, crane: Program) -> None:
    for one, two in ((olareg, distribution), (distribution, olareg)):
        image, repo, other = images.image(f"from {one}"), fresh(one), fresh(two)
        await images.push(registry, repo, image, "1")
        note = await images.attach(registry, repo, image.index.descriptor, "note")
        async with Registry() as new:
            result = await new.copy(repo, image.index.digest, other, tag="1")
        assert result.uploaded == 8 + 2
        assert result.sent == sum(d.size for d in image.blobs) + len("note") + len(EMPTY_JSON)
        await same(registry, other, image, "1")
        assert [d.digest for d in await registry.referrers(other, image.index.digest)] == [note.digest]
        assert await crane("digest", str(other.tagged("1"))) == str(image.index.digest)
        await crane("validate", "--remote", str(other.tagged("1")))


async def test_a_broken_copy_is_mended_when_asked(registry: Registry, repo: Repository) -> None:
    image, other = images.image("mended"), fresh(repo.host)
    await images.push(registry, repo, image, "1")
    await registry.copy(repo, image.index.digest, other, tag="1")
    await registry.delete(other.at(image.children[1].digest))
    async with Registry() as new:
        assert (await new.copy(repo, image.index.digest, other, tag="1", check=True)).manifests >= 1
    await same(registry, other, image, "1")


async def test_an_image_that_is_not_there(registry: Registry, repo: Repository) -> None:
    with pytest.raises(RegistryError, match="does not exist"):
        await registry.copy(repo, Digest.of(b"nothing"), fresh(repo.host), tag="1")


async def test_out_to_a_layout_and_back(registry: Registry, repo: Repository, tmp_path: Path) -> None:
    image, other = images.image("layout round trip"), fresh(repo.host)
    await images.push(registry, repo, image, "1")
    note = await images.attach(registry, repo, image.index.descriptor, "note")
    top = await pull_layout(registry, repo, image.index.digest, tmp_path / "out", name="1.0")
    assert top.digest == image.index.digest
    stored = sorted(p.name for p in (tmp_path / "out" / "blobs" / "sha256").iterdir())
    expected = {d.digest.hex for d in image.blobs} | {
        m.digest.hex for m in (image.index, *image.children, note)
    }
    assert set(stored) == expected | {Digest.of(b"note").hex, Digest.of(EMPTY_JSON).hex}
    async with Registry() as new:
        await push_layout(new, tmp_path / "out", other, "1", name="1.0")
    await same(registry, other, image, "1")
    assert [d.digest for d in await registry.referrers(other, image.index.digest)] == [note.digest]


async def test_layouts_that_are_wrong(registry: Registry, repo: Repository, tmp_path: Path) -> None:
    image = images.image("wrong layout")
    layout = images.layout(tmp_path / "l", image)
    descriptor = next(iter(image.blobs))
    blob = tmp_path / "l" / "blobs" / "sha256" / descriptor.digest.hex
    blob.write_bytes(b"x" * descriptor.size)
    with pytest.raises(RegistryError):
        await push_layout(registry, tmp_path / "l", repo, "1")
    blob.unlink()
    with pytest.raises(RegistryError, match="holds no blob"):
        await push_layout(registry, tmp_path / "l", repo, "1")
    assert await registry.head(repo.tagged("1")) is None
    with pytest.raises(RegistryError, match="does not hold"):
        layout.resolve("2.0")
    with pytest.raises(RegistryError, match="not an OCI image layout"):
        Layout(tmp_path).entries()
    (tmp_path / "l" / "index.json").write_text(json.dumps({"manifests": [{"digest": "sha256:../../x"}]}))
    with pytest.raises(RegistryError, match="not an OCI image layout"):
        layout.entries()
