"""Retries: every operation with faults on every n-th request: nothing is lost, nothing corrupt is accepted."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from pipeline.errors import RegistryError
from pipeline.model import Descriptor, Repository
from pipeline.oci.verify import CorruptContent
from pipeline.registry import ClientSettings, Registry
from tests.registry import images
from tests.registry.conftest import fresh
from tests.registry.fault_proxy import Proxy, faulty

pytestmark = [pytest.mark.anyio, pytest.mark.real]

FAULTS = (
    "reset",
    "429",
    "503",
    "429 with Retry-After",
    "truncated",
    "500 after",
    "429 as ghcr",
    "reset after",
    "408",
    "corrupt",
    "500",
)
QUICK = ClientSettings(backoff=0.001, backoff_max=0.01, attempts=8)


@pytest.fixture
async def proxy(host: str) -> AsyncIterator[Proxy]:
    async with faulty(host) as front:
        yield front


@pytest.mark.parametrize("step", [2, 3, 5, 7])
async def test_push_list_read_copy_delete(proxy: Proxy, host: str, step: int) -> None:
    image = images.image(f"faults {step}")
    repo, other = fresh(proxy.host), fresh(proxy.host)
    async with Registry(settings=QUICK) as shaky, Registry() as steady:
        proxy.every(step, *FAULTS)
        await images.push(shaky, repo, image, "1")
        note = await images.attach(shaky, repo, image.index.descriptor, "note")
        assert {d.digest for d in await shaky.referrers(repo, image.index.digest)} == {note.digest}
        assert await shaky.head(repo.tagged("1")) == image.index.descriptor
        assert "1" in await shaky.tags(repo)
        for descriptor, content in image.blobs.items():
            assert await shaky.blob(repo, descriptor) == content
        copied = await shaky.copy(repo, image.index.digest, other, tag="copy")
        assert [d.digest for d in copied.referrers] == [note.digest]
        behind = Repository(host, other.path)
        assert await steady.get_manifest(behind.tagged("copy")) == image.index
        for child in image.children:
            assert await steady.get_manifest(behind.at(child.digest)) == child
        for descriptor, content in image.blobs.items():
            assert await steady.blob(behind, descriptor) == content
        assert [d.digest for d in await steady.referrers(behind, image.index.digest)] == [note.digest]
        assert await shaky.delete(repo.at(image.index.digest))
        assert await steady.head(Repository(host, repo.path).at(image.index.digest)) is None
    assert len(proxy.made) >= 4


@pytest.mark.parametrize("kind", ["truncated", "reset", "reset after", "503"])
async def test_a_big_download_is_taken_up_where_it_broke(proxy: Proxy, kind: str) -> None:
    content = bytes(range(256)) * 8192
    descriptor = Descriptor.of(content, "application/octet-stream")
    repo = fresh(proxy.host)
    async with Registry(settings=QUICK) as registry:
        await registry.put_blob(repo, content, descriptor)
        proxy.first(3, kind)
        parts = [part async for part in registry.stream_blob(repo, descriptor)]
        down = registry.stats.bytes_down
    assert b"".join(parts) == content
    assert proxy.made == [kind] * 3
    assert down < 1.1 * len(content)


async def test_chunks_resume(proxy: Proxy) -> None:
    content = bytes(range(256)) * 4096
    descriptor = Descriptor.of(content, "application/octet-stream")
    repo = fresh(proxy.host)
    settings = ClientSettings(backoff=0.001, backoff_max=0.01, attempts=8, chunk_bytes=100_000)
    async with Registry(settings=settings) as registry:
        proxy.every(3, "reset", "500 after", "503", "reset after")
        await registry.put_blob(repo, content, descriptor)
        assert await registry.blob(repo, descriptor) == content
    patches = [path for method, path in proxy.asked if method == "PATCH"]
    assert len(patches) >= 11


async def test_corruption_that_stays_is_refused(proxy: Proxy) -> None:
    image = images.image("corrupt for good")
    repo = fresh(proxy.host)
    async with Registry(settings=QUICK) as registry:
        await images.push(registry, repo, image, "1")
        proxy.every(1, "corrupt")
        with pytest.raises(RegistryError):
            await registry.get_manifest(repo.tagged("1"))
        with pytest.raises(CorruptContent):
            await registry.get_manifest(repo.at(image.index.digest))
        descriptor = next(iter(image.blobs))
        with pytest.raises(CorruptContent):
            await registry.blob(repo, descriptor)
        received = []
        with pytest.raises(CorruptContent):
            async for part in registry.stream_blob(repo, descriptor):
                received.append(part)
        assert received == []


async def test_faults_that_stay_are_one_error(proxy: Proxy) -> None:
    repo = fresh(proxy.host)
    async with Registry(settings=QUICK) as registry:
        for kind, status in (("503", 503), ("429", 429), ("reset", 0)):
            proxy.every(1, kind)
            with pytest.raises(RegistryError) as caught:
                await registry.head(repo.tagged("1"))
            data = caught.value.to_json()
            assert data.get("status", 0) == status
            assert data["host"] == proxy.host
            assert data["operation"] == "looking for the manifest"
            assert "8 attempts" in str(data["message"])


@pytest.mark.parametrize("step", [2, 3, 5])
async def test_every_operation_gives_what_it_gives_without_faults(proxy: Proxy, host: str, step: int) -> None:
    """The same script on a steady registry and on a shaky one: equal answers, equal content afterwards."""
    found = []
    for shaken in (False, True):
        repo, other = fresh(proxy.host), fresh(proxy.host)
        if shaken:
            proxy.every(step, *FAULTS)
        async with Registry(settings=QUICK) as registry:
            found.append(await everything(registry, repo, other, f"operations {step}"))
        proxy.plan = lambda number, request: None
    assert len(proxy.made) >= 5
    assert found[0] == found[1]


async def everything(registry: Registry, repo: Repository, other: Repository, seed: str) -> list[object]:
    """Each method once or more, and what it answered."""

    async def stream():
        yield b"from a "
        yield b"stream"

    results: list[object] = [await registry.ping(repo.host)]
    image = images.image(seed)
    await images.push(registry, repo, image, "1")
    streamed = Descriptor.of(b"from a stream", "text/plain")
    await registry.put_blob(repo, stream, streamed)
    results += [await registry.has_blob(repo, d.digest) for d in (streamed, Descriptor.of(b"nothing", ""))]
    results += [await registry.mount_blob(other, streamed, repo), await registry.blob(other, streamed)]
    results += [[piece async for piece in registry.stream_blob(repo, streamed)]]
    for tag in ("2", "3"):
        results.append(await registry.put_manifest(repo, image.index.raw, image.index.media_type, tag=tag))
    notes = [await images.attach(registry, repo, image.index.descriptor, text) for text in ("one", "two")]
    results.append(await registry.delete_referrer(repo, notes[0].digest, image.index.digest))
    results.append(await registry.referrers(repo, image.index.digest))
    results.append([tag for tag in await registry.tags(repo) if not tag.startswith("sha256-")])
    results += [await registry.head(repo.tagged("2")), await registry.head(repo.tagged("none"))]
    results += [await registry.get_manifest(repo.tagged("3")), await registry.get_manifest(other.tagged("3"))]
    copied = await registry.copy(repo, image.index.digest, other, tag="1", check=True)
    results += [copied.descriptor, copied.referrers, copied.dangling]
    results += [
        await registry.referrers(other, image.index.digest),
        await registry.get_manifest(other.tagged("1")),
    ]
    results += [await registry.delete(other.at(image.index.digest)), await registry.head(other.tagged("1"))]
    return results
