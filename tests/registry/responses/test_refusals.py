"""Real registries that refuse: one clear error each, and nothing half done."""

from __future__ import annotations

import os
from pathlib import Path

import anyio
import pytest

from pipeline.errors import Exit, RegistryError
from pipeline.model import Descriptor, Digest, Reference, Repository
from pipeline.model.descriptor import OCI_MANIFEST
from pipeline.registry import ClientSettings, Registry
from tests.registry import images, servers
from tests.registry.conftest import fresh

pytestmark = [pytest.mark.anyio, pytest.mark.real]

QUICK = ClientSettings(backoff=0.001, backoff_max=0.01)


async def test_a_repository_nobody_knows(registry: Registry, repo: Repository) -> None:
    assert await registry.get_manifest(repo.tagged("1")) is None
    assert await registry.referrers(repo, Digest.of(b"x")) == []
    with pytest.raises(RegistryError) as caught:
        await registry.blob(repo, Descriptor.of(b"x", ""))
    assert "404" in caught.value.message
    assert caught.value.exit_code == Exit.REGISTRY
    with pytest.raises(RegistryError, match="neither a tag nor a digest"):
        await registry.head(Reference(repo))


async def test_content_of_another_digest(registry: Registry, repo: Repository, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"changed meanwhile")
    wrong = Descriptor("", Digest.of(b"as it once was"), len(b"changed meanwhile"))
    for content in (b"changed meanwhile", tmp_path / "f"):
        with pytest.raises(RegistryError) as caught:
            await registry.put_blob(repo, content, wrong)
        assert caught.value.to_json()["status"] == 400
        assert "changed" in (caught.value.hint or "")
    assert not await registry.has_blob(repo, wrong.digest)
    with pytest.raises(RegistryError, match="cannot read"):
        await registry.put_blob(repo, tmp_path / "absent", wrong)


async def test_a_manifest_whose_blobs_are_missing(registry: Registry, repo: Repository) -> None:
    manifest = images.manifest_of(
        Descriptor.of(b"{}", "application/x"), [Descriptor.of(b"absent", "text/plain")]
    )
    with pytest.raises(RegistryError) as caught:
        await registry.put_manifest(repo, manifest.raw, OCI_MANIFEST, tag="1")
    assert caught.value.to_json()["status"] in (400, 404)
    with pytest.raises(RegistryError, match="is invalid: Expecting value"):
        await registry.put_manifest(repo, b"not a manifest", OCI_MANIFEST)


async def test_read_only(registry: Registry, tmp_path: Path) -> None:
    image = images.image("read only")
    with servers.olareg(tmp_path) as host:
        repo = Repository(host, "kept")
        await images.push(registry, repo, image, "1")
    with servers.olareg(tmp_path, "--store-ro") as host:
        repo = Repository(host, "kept")
        async with Registry(settings=QUICK) as reader:
            assert await reader.head(repo.tagged("1")) == image.index.descriptor
            with pytest.raises(RegistryError) as caught:
                await reader.put_blob(repo, b"new content")
            assert "403" in caught.value.message or "405" in caught.value.message
            with pytest.raises(RegistryError):
                await reader.delete(repo.at(image.index.digest))
            assert await reader.head(repo.tagged("1")) == image.index.descriptor


async def test_a_rate_limit_is_waited_out(tmp_path: Path) -> None:
    image = images.image("rate limited")
    with servers.olareg(tmp_path, "--rate-limit", "20") as host:
        repo = fresh(host)
        async with Registry() as registry:
            async with anyio.create_task_group() as group:
                for _ in range(40):
                    group.start_soon(registry.head, repo.tagged("1"))
            assert registry.stats.retries > 0
            await images.push(registry, repo, image, "1")
            assert await registry.head(repo.tagged("1")) == image.index.descriptor


@pytest.mark.skipif(os.geteuid() != 0, reason="a small file system of its own can only be mounted by root")
async def test_a_registry_without_space(tmp_path: Path) -> None:
    content = os.urandom(4_000_000)
    with servers.distribution(tmp_path, space="1m") as host:
        repo = fresh(host)
        async with Registry(settings=QUICK) as registry:
            with pytest.raises(RegistryError) as caught:
                await registry.put_blob(repo, content)
            assert "no space left" in (caught.value.hint or "")
            assert registry.stats.retries == 0


async def test_a_server_that_speaks_no_http() -> None:
    async def rude(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            await stream.send(b"220 mail.example ESMTP\r\n")

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    async with anyio.create_task_group() as group, Registry(settings=QUICK) as registry:
        group.start_soon(listener.serve, rude)
        with pytest.raises(RegistryError):
            await registry.ping(f"localhost:{port}")
        group.cancel_scope.cancel()


async def test_a_server_that_never_answers() -> None:
    async def silent(stream: anyio.abc.SocketStream) -> None:
        await anyio.sleep_forever()

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    settings = ClientSettings(backoff=0.001, attempts=2, read_timeout=0.1)
    async with anyio.create_task_group() as group, Registry(settings=settings) as registry:
        group.start_soon(listener.serve, silent)
        with pytest.raises(RegistryError, match="closed the connection while pinging"):
            await registry.ping(f"localhost:{port}")
        group.cancel_scope.cancel()


async def test_a_name_that_does_not_exist() -> None:
    async with Registry(settings=QUICK) as registry:
        with pytest.raises(RegistryError, match=r"cannot reach registry\.invalid after"):
            await registry.ping("registry.invalid")


async def test_cancelling_leaves_the_client_usable(
    registry: Registry, repo: Repository, tmp_path: Path
) -> None:
    content = b"0123456789abcdef" * 1_000_000
    (tmp_path / "big").write_bytes(content)
    descriptor = Descriptor.of(content, "")
    for moment in range(1, 12, 2):
        with anyio.move_on_after(moment / 500):
            await registry.put_blob(repo, tmp_path / "big", descriptor)
    await registry.put_blob(repo, tmp_path / "big", descriptor)
    before = registry.stats
    await registry.put_blob(repo, tmp_path / "big", descriptor)
    assert registry.stats.since(before).total == 0
    with anyio.move_on_after(0.002):
        async for _ in registry.stream_blob(repo, descriptor):
            pass
    assert await registry.blob(repo, descriptor) == content


async def test_many_tags_in_pages(repo: Repository) -> None:
    image = images.image("pages", platforms=("linux/amd64",), layers=1)
    async with Registry(settings=ClientSettings(page_size=7)) as registry:
        await images.push(registry, repo, image, "t00")
        for number in range(1, 30):
            await registry.put_manifest(repo, image.index.raw, image.index.media_type, tag=f"t{number:02}")
        before = registry.stats
        assert await registry.tags(repo) == [f"t{n:02}" for n in range(30)]
        assert registry.stats.since(before).total >= 5


async def test_writers_of_one_fallback_tag(registry: Registry, distribution: str) -> None:
    image, repo = images.image("many writers"), fresh(distribution)
    await images.push(registry, repo, image, "1")
    attached: list[Digest] = []

    async def attach(number: int) -> None:
        attached.append(
            (await images.attach(registry, repo, image.index.descriptor, f"note {number}")).digest
        )

    async with anyio.create_task_group() as group:
        for number in range(12):
            group.start_soon(attach, number)
    assert {d.digest for d in await registry.referrers(repo, image.index.digest)} == set(attached)
