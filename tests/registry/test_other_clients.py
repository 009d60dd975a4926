"""Other people's clients see what ours wrote: the same digests, everything there, pulled without Docker."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import anyio
import pytest

from pipeline.model import Platform, Repository
from pipeline.registry import Registry, push_layout
from pipeline.run.publish.promotion import perform, plan_promotion
from pipeline.run.publish.push import Pushed, push
from tests.tools import peers

from . import images
from .conftest import Program, fresh

pytestmark = [pytest.mark.anyio, pytest.mark.real]


async def regctl(host: str, *arguments: str) -> str:
    argv = [peers.regctl(), "--host", f"reg={host},tls=disabled", *arguments]
    return await anyio.to_thread.run_sync(peers.run, *argv)


async def skopeo(*arguments: str | Path) -> str:
    return await anyio.to_thread.run_sync(peers.run, *peers.skopeo(), *arguments)


async def agreed(
    host: str, crane: Program, repo: Repository, tag: str, image: images.Image, tmp_path: Path
) -> None:
    """crane, regctl and skopeo on one tag: its digest, its completeness, its content."""
    reference = str(repo.tagged(tag))
    assert await crane("digest", reference) == str(image.index.digest)
    assert await regctl(host, "image", "digest", reference) == str(image.index.digest)
    await crane("validate", "--remote", reference)
    for child, name in zip(image.children, ("amd64", "arm64"), strict=True):
        assert await crane("digest", "--platform", f"linux/{name}", reference) == str(child.digest)
    folder = tmp_path / f"pulled-{repo.path.replace('/', '-')}"
    await skopeo("copy", "--all", "--src-tls-verify=false", f"docker://{reference}", f"oci:{folder}:{tag}")
    stored = {path.name: path for path in (folder / "blobs" / "sha256").iterdir()}
    assert set(stored) == {d.digest.hex for d in image.blobs} | {
        m.digest.hex for m in (image.index, *image.children)
    }
    for name, path in stored.items():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == name


async def test_a_layout_pushed_and_copied(
    registry: Registry, repo: Repository, host: str, crane: Program, tmp_path: Path
) -> None:
    image, other = images.image("proof"), fresh(host)
    images.layout(tmp_path / "layout", image)
    await push_layout(registry, tmp_path / "layout", repo, "1")
    await agreed(host, crane, repo, "1", image, tmp_path)
    await registry.copy(repo, image.index.digest, other, tag="2")
    await agreed(host, crane, other, "2", image, tmp_path)


async def test_a_release_from_the_repository_of_builds(
    registry: Registry, repo: Repository, host: str, crane: Program, tmp_path: Path
) -> None:
    """Platforms pushed one by one, merged, promoted: the index's children are exactly the digests that were built."""
    image, dev, prod = images.image("proof of a release"), fresh(host), fresh(host)
    await images.push(registry, repo, image)
    platforms = [Platform.parse(name) for name in ("linux/amd64", "linux/arm64")]
    built = [
        Pushed(platform, child.digest) for platform, child in zip(platforms, image.children, strict=True)
    ]
    index, _ = await push(registry, repo, dev, built)
    note = await images.attach(registry, dev, index, "statement")
    await perform(registry, await plan_promotion(registry, dev, index.digest, prod, ["1.2.3", "1.2"]))
    for reference in (str(dev.at(index.digest)), str(prod.tagged("1.2.3")), str(prod.tagged("1.2"))):
        assert await crane("digest", reference) == str(index.digest)
        assert await regctl(host, "image", "digest", reference) == str(index.digest)
        await crane("validate", "--remote", reference)
        manifest = json.loads(await regctl(host, "manifest", "get", reference, "--format", "raw-body"))
        assert [entry["digest"] for entry in manifest["manifests"]] == [str(one.digest) for one in built]
    listed = await regctl(host, "artifact", "list", str(prod.at(index.digest)), "--format", "{{json .}}")
    assert [entry["digest"] for entry in json.loads(listed)["descriptors"]] == [str(note.digest)]
