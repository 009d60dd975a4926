"""The program killed at the n-th request of a push: no tag shows anything incomplete, a rerun finishes."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web

from pipeline.model import Repository
from pipeline.registry import Registry
from tests.registry import images
from tests.registry.conftest import fresh
from tests.registry.fault_proxy import faulty

from . import killable

pytestmark = [pytest.mark.anyio, pytest.mark.real]

MOMENTS = (1, 2, 5, 9, 14, 17, 18, 19, 20, 21)


async def test_killed_at_a_request(host: str, tmp_path: Path) -> None:
    image = images.image("killed")
    layout = images.layout(tmp_path / "layout", image)
    note, content = images.referrer(image.index.descriptor, "note")
    for raw, kind in ((b"{}", "application/vnd.oci.empty.v1+json"), (content, "text/plain")):
        layout.put(raw, kind)
    layout.add(layout.put(note.raw, note.media_type))
    async with faulty(host) as proxy, Registry() as registry:
        for moment in MOMENTS:
            repo = fresh(proxy.host)
            behind = Repository(host, repo.path)
            await killed_at(proxy, moment, repo, tmp_path / "layout")
            if await registry.head(behind.tagged("1")) is not None:
                await complete(registry, behind, image, note)
            proxy.plan = lambda number, request: None
            await killable.push(str(repo), tmp_path / "layout")
            await complete(registry, behind, image, note)


async def killed_at(proxy, moment: int, repo: Repository, folder: Path) -> None:
    process = killable.start(killable.push, str(repo), folder)
    last = len(proxy.asked) + moment

    def plan(number: int, request: web.Request) -> str | None:
        if number >= last:
            process.kill()
            return "reset" if number % 2 else "reset after"
        return None

    proxy.plan = plan
    assert await killable.end(process) == -9


async def complete(registry: Registry, repo: Repository, image: images.Image, note) -> None:
    """The tag shows the image with every child, blob and referrer."""
    assert await registry.get_manifest(repo.tagged("1")) == image.index
    for child in image.children:
        assert await registry.get_manifest(repo.at(child.digest)) == child
    for descriptor in image.blobs:
        assert await registry.has_blob(repo, descriptor.digest)
    assert [d.digest for d in await registry.referrers(repo, image.index.digest)] == [note.digest]
