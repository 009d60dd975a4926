"""Releases and artifacts with faults on every n-th request: what is there afterwards is what would be without."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import EnvironmentProblem
from pipeline.model import Digest, Platform, Reference, Repository
from pipeline.registry import Registry
from pipeline.registry.artifacts.pull import pull_artifact
from pipeline.registry.artifacts.push import ArtifactFiles, Part, push_artifact
from pipeline.run.publish.promotion import perform, plan_promotion
from pipeline.run.publish.push import Pushed, push
from tests.registry import images
from tests.registry.conftest import fresh
from tests.registry.fault_proxy import faulty
from tests.registry.http.test_retry import FAULTS, QUICK

pytestmark = [pytest.mark.anyio, pytest.mark.real]

Seen = dict[str, tuple[Digest, list[Digest]]]


@pytest.mark.parametrize("step", [2, 3, 5, 7])
async def test_a_release(host: str, step: int) -> None:
    image = images.image(f"released through faults {step}")
    async with faulty(host) as proxy, Registry() as steady:
        found = []
        for shaken in (False, True):
            builds, dev, prod = (fresh(proxy.host) for _ in range(3))
            await images.push(steady, Repository(host, builds.path), image)
            if shaken:
                proxy.every(step, *FAULTS)
            await release(builds, dev, prod, image)
            proxy.plan = lambda number, request: None
            found.append([await seen(steady, Repository(host, repo.path)) for repo in (dev, prod)])
        assert len(proxy.made) >= 4
        assert found[0] == found[1]
        assert set(found[0][1]) == {"1.2.3", "1.2"}


async def release(builds: Repository, dev: Repository, prod: Repository, image: images.Image) -> None:
    pairs = zip(("linux/amd64", "linux/arm64"), image.children, strict=True)
    built = [Pushed(Platform.parse(name), child.digest) for name, child in pairs]
    async with Registry(settings=QUICK) as registry:
        index, pushed = await push(registry, builds, dev, built)
        for subject in (*pushed, index):
            await images.attach(registry, dev, subject, "statement")
        await perform(registry, await plan_promotion(registry, dev, index.digest, dev, ["ci-1"]))
        await perform(registry, await plan_promotion(registry, dev, index.digest, prod, ["1.2.3", "1.2"]))


async def seen(registry: Registry, repo: Repository) -> Seen:
    """Every tag that people use, with the digest it shows, and all that hangs on it, each blob read."""
    out: Seen = {}
    for tag in await registry.tags(repo):
        if tag.startswith("sha256-"):
            continue
        top = await registry.get_manifest(repo.tagged(tag))
        assert top is not None
        below: list[Digest] = []
        for child in top.children:
            manifest = await registry.get_manifest(repo.at(child.digest))
            assert manifest is not None
            for blob in manifest.blobs:
                await registry.blob(repo, blob)
            below += [child.digest, *(blob.digest for blob in manifest.blobs)]
        for subject in (top.digest, *(child.digest for child in top.children)):
            below += [referrer.digest for referrer in await registry.referrers(repo, subject)]
        out[tag] = top.digest, below
    return out


@pytest.mark.parametrize("step", [2, 3, 5])
async def test_artifacts(host: str, tmp_path: Path, step: int) -> None:
    parts = []
    for number in range(3):
        path = tmp_path / f"file{number}"
        path.write_bytes(f"{step} {number}".encode() * 50_000)
        parts.append(Part(path, "application/x-test", path.name))
    async with faulty(host) as proxy, Registry(settings=QUICK) as shaky, Registry() as steady:
        repo, other = fresh(proxy.host), fresh(host)
        proxy.every(step, *FAULTS)
        files = ArtifactFiles(parts, annotations={"a": "b"})
        made = await push_artifact(shaky, Reference(repo, "1"), files)
        good = await push_artifact(steady, Reference(other, "1"), files)
        assert made.descriptor == good.descriptor
        _, paths = await pull_artifact(shaky, repo.tagged("1"), tmp_path / "out")
        assert len(proxy.made) >= 3
    assert [path.read_bytes() for path in paths] == [part.path.read_bytes() for part in parts]


async def test_a_link_in_the_checkout_leads_no_artifact_elsewhere(
    registry: Registry, repo: Repository, tmp_path: Path
) -> None:
    (tmp_path / "content").write_bytes(b"x")
    files = ArtifactFiles([Part(tmp_path / "content", "application/x-test", "file")])
    await push_artifact(registry, Reference(repo, "1"), files)
    root, victim = tmp_path / "root", tmp_path / "victim"
    root.mkdir()
    victim.mkdir()
    (root / "out").symlink_to(victim)
    with pytest.raises(EnvironmentProblem, match="out is a symbolic link"):
        await pull_artifact(registry, repo.tagged("1"), root / "out/below", root=root)
    assert not list(victim.iterdir())
