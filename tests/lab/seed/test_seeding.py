"""Seeding a real registry: everything once, nothing twice."""

from __future__ import annotations

import os
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from pipeline.errors import EnvironmentProblem, UsageError
from pipeline.lab.layout.builder import LayoutBuilder
from pipeline.lab.seed import (
    SeededImage,
    Site,
    advisories,
    debian_base,
    layout_cache,
    needed,
    on_demand,
    seed,
    seeding,
    vulnerability_database,
)
from pipeline.lab.settings import LabSettings, quiet
from pipeline.model import Digest, Reference
from pipeline.registry import Registry

from .conftest import Program

DATABASE = "ghcr.io/aquasecurity/trivy-db:2"


class Progress(list[tuple[str, str]]):
    """A `report` that keeps its steps and details."""

    def __call__(self, step: str, detail: str) -> None:
        self.append((step, detail))


@pytest.mark.real
@pytest.mark.anyio
async def test_everything_once(settings: LabSettings, olareg: str, program: Program) -> None:
    progress = Progress()
    site = await seed(settings, olareg, progress)
    assert set(site.seeded) == set(needed())
    assert site.mirrors == {h: f"{olareg}/mirror/{h}" for h in ("docker.io", "gcr.io", "ghcr.io")}
    assert sum(d.startswith("pushing") for _, d in progress) == len(needed())
    crane = str(program("crane"))
    for name, one in site.seeded.items():
        there = str(site.mirrored(Reference.parse(name)))
        done = await anyio.run_process([crane, "digest", "--insecure", there])
        assert done.stdout.decode().strip() == str(one.digest)
        if name != DATABASE:
            await anyio.run_process([crane, "validate", "--insecure", "--remote", there])
    assert Site.read(settings.data) == site
    written = (settings.data / "site.json").stat().st_mtime_ns

    progress.clear()
    assert await seed(settings, olareg, progress) == site
    assert progress == []
    assert (settings.data / "site.json").stat().st_mtime_ns == written


@pytest.mark.real
@pytest.mark.anyio
async def test_what_is_lost_comes_back(settings: LabSettings, olareg: str) -> None:
    progress = Progress()
    site = await seed(settings, olareg, progress, only=[DATABASE])
    assert list(site.seeded) == [DATABASE]
    there = site.mirrored(Reference.parse(DATABASE))
    async with Registry() as registry:
        await registry.put_manifest(
            there.repository,
            b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}',
            "application/vnd.oci.image.index.v1+json",
            tag="2",
        )
        progress.clear()
        assert await seed(settings, olareg, progress, only=[DATABASE]) == site
        assert [step for step, _ in progress] == ["seed vulnerability-database"]
        found = await registry.head(there)
        assert found is not None and found.digest == site.seeded[DATABASE].digest
    # Another registry knows nothing of what lies in this one.
    (settings.data / "site.json").unlink()
    assert await seed(settings, olareg, progress, only=[DATABASE]) == site


@pytest.mark.real
@pytest.mark.anyio
async def test_an_empty_cache_makes_nothing_that_the_registry_has(settings: LabSettings, olareg: str) -> None:
    site = await seed(settings, olareg, only=[DATABASE])
    progress = Progress()
    bare = replace(settings, cache=settings.home / "no-cache")
    assert await seed(bare, olareg, progress, only=[DATABASE]) == site
    assert progress == [] and not bare.cache.exists()


@pytest.mark.anyio
async def test_a_stranger_is_refused(settings: LabSettings) -> None:
    with pytest.raises(UsageError, match=r"no stand-in for docker\.io/library/alpine:3"):
        await seed(settings, "localhost:1", only=["docker.io/library/alpine:3"])


def _item(build: Callable[[LayoutBuilder], Awaitable[None]]) -> layout_cache.SeedItem:
    return layout_cache.SeedItem("thing", Reference.parse("docker.io/library/thing:1"), {"a": 1}, build)


@pytest.mark.anyio
async def test_two_at_once_make_once(tmp_path: Path) -> None:
    settings = LabSettings(home=tmp_path, cache=tmp_path / "cache")
    made: list[Path] = []

    async def build(layout: LayoutBuilder) -> None:
        made.append(layout.root)
        await anyio.sleep(0.05)
        layout.finish(layout.index([]), "1")

    folders: set[Path] = set()

    async def one() -> None:
        folders.add(await layout_cache.ensure_layout(_item(build), settings, quiet))

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(one)
    assert len(made) == 1 and len(folders) == 1
    assert {p.name for p in (tmp_path / "cache/seed").iterdir()} == {
        ".lock-thing",
        f"thing-{_item(build).key}",
    }


@pytest.mark.anyio
async def test_a_failed_making_is_not_kept(tmp_path: Path) -> None:
    settings = LabSettings(home=tmp_path, cache=tmp_path / "cache")

    async def build(layout: LayoutBuilder) -> None:
        layout.put(b"half", "x/y")
        raise EnvironmentProblem("broken")

    with pytest.raises(EnvironmentProblem):
        await layout_cache.ensure_layout(_item(build), settings, quiet)
    assert layout_cache.cached_layout(_item(build), settings) is None
    assert {p.name for p in (tmp_path / "cache/seed").iterdir()} == {".lock-thing"}


def test_a_damaged_layout_is_said(tmp_path: Path) -> None:
    (tmp_path / "index.json").write_text("{}")
    with pytest.raises(EnvironmentProblem) as raised:
        layout_cache.layout_manifest(tmp_path)
    assert f"rm -r {tmp_path}" in (raised.value.hint or "")


def test_the_key_follows_every_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = LabSettings.from_env(os.environ)
    before = {item.name: item.key for item in seeding.items(settings, quiet)}
    assert len(set(before.values())) == len(before) == len({*needed(), *on_demand()})
    copy = shutil.copy(advisories.SAMPLE, tmp_path / "changed.yml")
    with Path(copy).open("a") as file:
        file.write("# changed\n")
    assert vulnerability_database.inputs(Path(copy)) != vulnerability_database.inputs()
    monkeypatch.setattr(debian_base, "RECIPE", 0)
    after = {item.name: item.key for item in seeding.items(settings, quiet)}
    assert {name for name in before if before[name] != after[name]} == {"debian"}


def test_a_site_is_read_as_written(tmp_path: Path) -> None:
    assert Site.read(tmp_path) is None
    site = Site("localhost:5000", {DATABASE: SeededImage("abc", Digest("sha256:" + "0" * 64))})
    site.write(tmp_path)
    assert Site.read(tmp_path) == site
    debian = Reference.parse("debian:bookworm-slim")
    assert str(site.mirrored(debian)) == "localhost:5000/mirror/docker.io/library/debian:bookworm-slim"
    for damage in ("", "[]", "{}", '{"registry": "x", "seeded": {"A B": {}}}'):
        (tmp_path / "site.json").write_text(damage)
        assert Site.read(tmp_path) is None
