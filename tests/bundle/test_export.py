"""Archives of images with several platforms: the same bytes each time, whole or not at all, in little memory."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from pathlib import Path

import anyio
import pytest

from pipeline.bundle.export import ExportedImage, ExportedPlatform, export_image
from pipeline.errors import EnvironmentProblem, RegistryError
from pipeline.model import Descriptor, Platform, Repository
from pipeline.registry import ClientSettings, Registry
from tests.registry import images
from tests.registry.conftest import Program, fresh
from tests.registry.fault_proxy import faulty
from tests.registry.http.test_retry import FAULTS, QUICK
from tests.tools import peers

pytestmark = [pytest.mark.anyio, pytest.mark.real]

NAMES = ("linux/amd64", "linux/arm64")


def children(pushed: images.Image, sbom: Descriptor | None = None) -> list[ExportedPlatform]:
    pairs = zip(NAMES, pushed.children, strict=True)
    return [ExportedPlatform(Platform.parse(name), manifest.digest, sbom) for name, manifest in pairs]


def image(pushed: images.Image, sbom: Descriptor | None = None) -> ExportedImage:
    return ExportedImage("app", "1.0", children(pushed, sbom))


async def test_platforms_and_all_of_them(
    registry: Registry, repo: Repository, host: str, crane: Program, tmp_path: Path
) -> None:
    pushed = images.image("exported")
    await images.push(registry, repo, pushed)
    sbom = await registry.put_blob(repo, b'{"bomFormat": "CycloneDX"}')
    files = await export_image(registry, repo, image(pushed, sbom), tmp_path / "one")
    assert [str(f.path.relative_to(tmp_path / "one")) for f in files] == [
        "linux-amd64/image.tar",
        "linux-amd64/sbom.cyclonedx.json",
        "linux-arm64/image.tar",
        "linux-arm64/sbom.cyclonedx.json",
        "image.tar",
    ]
    assert files[-1].digest == pushed.index.digest, (
        "the index is the one that a push makes of the same platforms"
    )
    there = f"{fresh(host)}:1"
    copy = [
        "copy",
        "--all",
        "--dest-tls-verify=false",
        f"oci-archive:{files[-1].path}:1.0",
        f"docker://{there}",
    ]
    await anyio.to_thread.run_sync(peers.run, *peers.skopeo(), *copy)
    assert await crane("digest", there) == str(pushed.index.digest)
    await crane("validate", "--remote", there)
    for file, child in zip(files[:4:2], pushed.children, strict=True):
        await crane("validate", "--tarball", str(file.path))
        look = ["inspect", "--raw", f"oci-archive:{file.path}:1.0"]
        raw = await anyio.to_thread.run_sync(peers.run, *peers.skopeo(), *look)
        assert json.loads(raw) == json.loads(child.raw)

    names = {
        "io.containerd.image.name": "docker.io/library/app:1.0",
        "org.opencontainers.image.ref.name": "1.0",
    }
    for file in (*files[:4:2], files[-1]):
        with tarfile.open(file.path) as archive:
            listed = archive.extractfile("index.json")
            assert listed and [m["annotations"] for m in json.load(listed)["manifests"]] == [names]

    again = await export_image(registry, repo, image(pushed, sbom), tmp_path / "two")
    for one, two in zip(files, again, strict=True):
        assert one.path.read_bytes() == two.path.read_bytes()
    before = registry.stats
    third = await export_image(registry, repo, image(pushed, sbom), tmp_path / "two")
    assert not any(file.written for file in third)
    assert registry.stats.since(before).total == 4, "two manifests, two bills of materials; no layer"
    part = await export_image(
        registry, repo, ExportedImage("app", "1.0", children(pushed)[:1]), tmp_path / "three", whole=False
    )
    assert [file.path.name for file in part] == ["image.tar"] and not (
        tmp_path / "three" / "image.tar"
    ).exists()


@pytest.mark.parametrize("step", [2, 3, 5])
async def test_faults_change_nothing(host: str, tmp_path: Path, step: int) -> None:
    pushed = images.image(f"exported through faults {step}")
    async with faulty(host) as proxy, Registry() as steady, Registry(settings=QUICK) as shaky:
        repo = fresh(proxy.host)
        behind = Repository(host, repo.path)
        await images.push(steady, behind, pushed)
        good = await export_image(steady, behind, image(pushed), tmp_path / "good")
        proxy.every(step, *FAULTS)
        found = await export_image(shaky, repo, image(pushed), tmp_path / "found")
        assert len(proxy.made) >= 2
    for one, two in zip(good, found, strict=True):
        assert one.path.read_bytes() == two.path.read_bytes()


async def test_what_fails_leaves_no_archive(registry: Registry, host: str, tmp_path: Path) -> None:
    pushed = images.image("not exported")
    (tmp_path / "file").write_text("")
    async with faulty(host) as proxy:
        repo = fresh(proxy.host)
        await images.push(registry, Repository(host, repo.path), pushed)
        proxy.plan = lambda number, request: "corrupt" if "/blobs/" in request.path else None
        async with Registry(settings=ClientSettings(backoff=0.001)) as shaky:
            with pytest.raises(RegistryError, match="does not match its digest"):
                await export_image(shaky, repo, image(pushed), tmp_path / "out")
        proxy.plan = lambda number, request: None
        with pytest.raises(EnvironmentProblem, match="cannot write"):
            await export_image(registry, repo, image(pushed), tmp_path / "file" / "below")
    assert files_in(tmp_path) == [tmp_path / "file"]


async def test_a_link_in_the_checkout_leads_no_archive_elsewhere(
    registry: Registry, repo: Repository, tmp_path: Path
) -> None:
    pushed = images.image("planted")
    await images.push(registry, repo, pushed)
    root, victim = tmp_path / "root", tmp_path / "victim"
    root.mkdir()
    victim.mkdir()
    (root / "dist").symlink_to(victim)
    with pytest.raises(EnvironmentProblem, match="dist is a symbolic link"):
        await export_image(registry, repo, image(pushed), root / "dist/app/1.0", root=root)
    assert not list(victim.iterdir())


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


EXPORT = """
import sys
from pathlib import Path
import anyio
from pipeline.model import Digest, Platform, Repository
from pipeline.registry import Registry
from pipeline.bundle.export import ExportedImage, ExportedPlatform, export_image

async def main(repo, digest, folder):
    async with Registry() as registry:
        child = ExportedPlatform(Platform.parse("linux/amd64"), digest)
        await export_image(registry, repo, ExportedImage("app", "1", [child]), folder)

anyio.run(main, Repository.parse(sys.argv[1]), Digest(sys.argv[2]), Path(sys.argv[3]))
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


async def test_a_large_layer_takes_little_memory(registry: Registry, olareg: str, tmp_path: Path) -> None:
    repo, layer = fresh(olareg), bytes(200 << 20)
    config = await registry.put_blob(repo, b"{}")
    manifest = images.manifest_of(config, [await registry.put_blob(repo, layer)])
    await registry.put_manifest(repo, manifest.raw, manifest.media_type)
    argv = [sys.executable, "-c", EXPORT, str(repo), str(manifest.digest), str(tmp_path / "out")]
    done = await anyio.run_process(argv, stderr=subprocess.STDOUT)
    assert (tmp_path / "out" / "image.tar").stat().st_size > len(layer)
    assert int(done.stdout) * 1024 < 150 << 20
