"""Every operation against olareg and distribution."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Digest, Repository
from pipeline.registry import Registry, push_layout

from . import images, servers
from .conftest import Program, fresh

pytestmark = [pytest.mark.anyio, pytest.mark.real]


async def test_what_is_written_is_read_back(registry: Registry, repo: Repository) -> None:
    image = images.image("read back")
    await registry.ping(repo.host)
    assert await registry.head(repo.tagged("1")) is None
    assert await registry.get_manifest(repo.tagged("1")) is None
    assert await registry.tags(repo) == []
    await images.push(registry, repo, image, "1")
    assert await registry.head(repo.tagged("1")) == image.index.descriptor
    referrers_found = await registry.get_manifest(repo.at(image.index.digest))
    assert referrers_found == image.index
    assert [c.digest for c in referrers_found.children] == [c.digest for c in image.children]
    assert await registry.tags(repo) == ["1"]
    for descriptor, content in image.blobs.items():
        assert await registry.has_blob(repo, descriptor.digest)
        assert await registry.blob(repo, descriptor) == content
    assert not await registry.has_blob(repo, Digest.of(b"nothing"))


async def test_a_big_blob_streams_from_a_file(registry: Registry, repo: Repository, tmp_path: Path) -> None:
    content = b"0123456789abcdef" * 500_000
    (tmp_path / "big").write_bytes(content)
    descriptor = Descriptor.of(content, "application/octet-stream")
    await registry.put_blob(repo, tmp_path / "big", descriptor)
    parts = [part async for part in registry.stream_blob(repo, descriptor)]
    assert len(parts) > 5
    assert b"".join(parts) == content


async def test_mount_takes_one_request(registry: Registry, repo: Repository) -> None:
    descriptor = await registry.put_blob(repo, b"shared between repositories")
    other, before = fresh(repo.host), registry.stats
    assert await registry.mount_blob(other, descriptor, repo)
    assert dict(registry.stats.since(before).requests) == {"POST": 1}
    assert await registry.blob(other, descriptor) == b"shared between repositories"
    assert not await registry.mount_blob(other, Descriptor.of(b"nowhere", ""), repo)


async def test_referrers_by_api_or_fallback_tag(registry: Registry, repo: Repository) -> None:
    image = images.image("referred to")
    await images.push(registry, repo, image, "1")
    subject = image.index.descriptor
    assert await registry.referrers(repo, subject.digest) == []
    attached = [await images.attach(registry, repo, subject, text) for text in ("one", "two", "three")]
    referrers_found = await registry.referrers(repo, subject.digest)
    assert {d.digest for d in referrers_found} == {m.digest for m in attached}
    assert {d.annotations["text"] for d in referrers_found} == {"one", "two", "three"}
    assert {d.artifact_type for d in referrers_found} == {"application/vnd.example.note"}
    assert await registry.referrers(repo, subject.digest, "application/other") == []


async def test_a_deleted_referrer_is_listed_no_more(registry: Registry, repo: Repository) -> None:
    image = images.image("referrer deleted")
    await images.push(registry, repo, image, "1")
    kept, gone = [
        await images.attach(registry, repo, image.index.descriptor, text) for text in ("kept", "gone")
    ]
    assert await registry.delete_referrer(repo, gone.digest, image.index.digest)
    assert [d.digest for d in await registry.referrers(repo, image.index.digest)] == [kept.digest]


async def test_delete(registry: Registry, repo: Repository) -> None:
    image = images.image("deleted")
    await images.push(registry, repo, image, "1")
    assert await registry.delete(repo.at(image.index.digest))
    assert await registry.head(repo.tagged("1")) is None
    assert not await registry.delete(repo.at(image.index.digest))


async def test_a_layout_is_pushed_and_crane_agrees(
    registry: Registry, repo: Repository, crane: Program, tmp_path: Path
) -> None:
    image = images.image("layout")
    images.layout(tmp_path / "layout", image)
    result = await push_layout(registry, tmp_path / "layout", repo, "1")
    assert (result.uploaded, result.manifests) == (8, 3)
    assert await crane("digest", str(repo.tagged("1"))) == str(image.index.digest)
    await crane("validate", "--remote", str(repo.tagged("1")))
    before = registry.stats
    again = await push_layout(registry, tmp_path / "layout", repo, "1")
    assert again.already and again.uploaded == 0
    assert registry.stats.since(before).total <= 3


async def test_a_registry_that_is_down_is_one_error() -> None:
    host = f"localhost:{servers.free_port()}"
    async with Registry() as registry:
        with pytest.raises(RegistryError) as caught:
            await registry.ping(host)
        assert registry.stats.retries == 3
    assert caught.value.message.startswith(f"cannot reach {host} after 4 attempts")
    assert "lockage up" in (caught.value.hint or "")
