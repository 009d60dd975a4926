"""Grype's data: what a listing may say, and archives that are kept by their checksum."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import EnvironmentProblem, RegistryError
from pipeline.model import Mirrors, Reference
from pipeline.registry import Registry
from pipeline.run.scanners.grype_database import GrypeDatabase, Listed, archive_of, mirrored
from tests.tools.scanning.grype_server import GrypeServer, serving_grype

BUILT = "2026-11-20T06:00:00Z"
GOOD = {
    "schemaVersion": "v6.1.10",
    "built": BUILT,
    "path": "vulnerability-db_v6.tar.zst",
    "checksum": "sha256:" + "0" * 64,
}


@pytest.fixture
def server() -> Iterator[GrypeServer]:
    with serving_grype() as made:
        yield made


def test_a_listing() -> None:
    listed = Listed.parse(json.dumps(GOOD | {"status": "active"}).encode())
    assert (listed.file, listed.built) == ("vulnerability-db.tar.zst", BUILT)


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("https://grype.anchore.io/databases/v6/latest.json", "mirror.example/grype/databases/v6:latest"),
        ("https://elsewhere.example/databases/v6/latest.json", None),
        ("https://grype.anchore.io/latest.json", None),
        ("https://grype.anchore.io/Data/latest.json", None),
    ],
)
def test_where_a_mirror_has_it(address: str, found: str | None) -> None:
    mirrors = Mirrors.parse({"grype.anchore.io": "mirror.example/grype"})
    assert mirrored(mirrors, address) == (Reference.parse(found) if found else None)
    assert mirrored(Mirrors(), address) is None


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"schemaVersion": "v5"}, "of schema 'v5', and grype reads 6"),
        ({"path": "https://elsewhere.example/db.tar.zst"}, "is not the path of an archive"),
        ({"path": "../db.tar.zst"}, "is not the path of an archive"),
        ({"path": "db.zip"}, "is not the path of an archive"),
        ({"checksum": "md5:1"}, "md5:1"),
        ({"built": "yesterday"}, "yesterday"),
        ({"path": None}, "text"),
    ],
)
def test_what_is_none(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Listed.parse(json.dumps(GOOD | change).encode())


@pytest.mark.parametrize("missing", GOOD)
def test_what_a_listing_lacks_is_named(missing: str) -> None:
    with pytest.raises(ValueError, match=missing):
        Listed.parse(json.dumps({k: v for k, v in GOOD.items() if k != missing}).encode())


@pytest.mark.real
@pytest.mark.anyio
async def test_an_archive_is_fetched_once_and_found_offline(
    registry: Registry, server: GrypeServer, tmp_path: Path
) -> None:
    def database(*, offline: bool = False) -> GrypeDatabase:
        return GrypeDatabase(registry, server.listing, tmp_path, offline=offline)

    with pytest.raises(EnvironmentProblem, match="offline, and the vulnerability database of grype"):
        await database(offline=True).fetch()
    assert server.requests == []

    server.put(b"first", BUILT)
    first = await database().fetch()
    assert first.updated == BUILT and (first.folder / archive_of(first)).read_bytes() == b"first"
    assert len(server.requests) == 2
    assert await database().fetch() == first and len(server.requests) == 3, "the listing alone"

    server.put(b"second", "2026-11-21T06:00:00Z")
    assert await database(offline=True).fetch() == first
    assert not await database(offline=True).outdates(str(first.digest), BUILT)
    assert await database().outdates(str(first.digest), BUILT)
    assert (await database(offline=True).fetch()).digest != first.digest


def kept(folder: Path) -> list[str]:
    """The files below a folder."""
    return [path.name for path in folder.rglob("*") if path.is_file()]


@pytest.mark.real
@pytest.mark.anyio
@pytest.mark.parametrize(
    ("checksum", "files", "problem"),
    [
        ("sha256:" + "1" * 64, {}, "has the checksum"),
        ("", {"archive": None}, "404"),
        ("", {"listing": b"<html>"}, "is not a listing of grype's data"),
        ("", {"listing": None}, "404"),
    ],
)
async def test_what_cannot_be_fetched_leaves_nothing(
    registry: Registry,
    server: GrypeServer,
    tmp_path: Path,
    checksum: str,
    files: dict[str, bytes | None],
    problem: str,
) -> None:
    server.put(b"content", BUILT, checksum=checksum)
    paths = {"listing": "/v6/latest.json", "archive": next(p for p in server.files if "tar" in p)}
    for name, content in files.items():
        del server.files[paths[name]]
        if content is not None:
            server.files[paths[name]] = content
    with pytest.raises(RegistryError, match=problem):
        await GrypeDatabase(registry, server.listing, tmp_path).fetch()
    assert not kept(tmp_path)


def test_a_damaged_folder_is_named(tmp_path: Path) -> None:
    from pipeline.model import Digest
    from pipeline.run.scanners.data_source import Database

    with pytest.raises(RegistryError, match="is damaged"):
        archive_of(Database(tmp_path, Digest.of(b""), BUILT))
