"""The scanner's data: archives that it is not unpacked from, and what is in force offline."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from pipeline.errors import EnvironmentProblem, RegistryError
from pipeline.model import Descriptor, Digest, Reference, Repository
from pipeline.model.descriptor import OCI_MANIFEST
from pipeline.registry import Registry
from pipeline.run.target.examination.scanner_data import VULNERABILITIES, ScannerDatabase, _unpack, _updated
from pipeline.util.json.canonical import compact
from tests.oci.layers import XATTR, Made, tar
from tests.stages.fleet import recorded

GOOD = [Made("./trivy.db", content=b"db"), Made("metadata.json", content=b'{"UpdatedAt":"2026-11-01"}')]


def unpacked(folder: Path, content: bytes) -> Path:
    """Where an archive was unpacked."""
    (folder / "db.tar.gz").write_bytes(content)
    _unpack(folder / "db.tar.gz", folder / "db", VULNERABILITIES, "host/db@sha256:1")
    return folder / "db"


def test_a_database(tmp_path: Path) -> None:
    folder = unpacked(tmp_path, gzip.compress(tar([*GOOD, Made("README", content=b"x"), Made("trivy.db")])))
    assert sorted(p.name for p in folder.iterdir()) == ["metadata.json", "trivy.db"]
    assert (folder / "trivy.db").read_bytes() == b"db" and _updated(folder) == "2026-11-01"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"no archive" * 100, "is not a tar archive"),
        (gzip.compress(tar(GOOD), mtime=0)[:-20], "cannot be decompressed"),
        (gzip.compress(tar(GOOD)[:600], mtime=0), "ends in the middle"),
        (gzip.compress(tar([Made(str(n)) for n in range(1001)]), mtime=0), "more than 1000 entries"),
        (gzip.compress(tar([Made("a", pax={f"{XATTR}a": "x" * (1 << 20)})]), mtime=0), "more than 1 MiB"),
        (gzip.compress(tar([Made("../trivy.db", content=b"db"), *GOOD]), mtime=0), "leads out of its root"),
        (gzip.compress(tar([Made("trivy.db", "symlink", link="/etc/passwd"), GOOD[1]]), mtime=0), "expected"),
        (gzip.compress(tar(GOOD[:1]), mtime=0), "expected"),
        (b"", "expected"),
    ],
)
def test_what_is_none(tmp_path: Path, content: bytes, problem: str) -> None:
    with pytest.raises(RegistryError, match=problem):
        unpacked(tmp_path, content)


async def publish(registry: Registry, repository: Repository, tag: str, updated: str) -> Digest:
    """A database of a day, under a tag."""
    files = [GOOD[0], Made("metadata.json", content=f'{{"UpdatedAt":"{updated}"}}'.encode())]
    packed = gzip.compress(tar(files), mtime=0)
    config, layer = (
        Descriptor.of(blob, kind)
        for blob, kind in ((b"{}", "application/json"), (packed, VULNERABILITIES.layer_type))
    )
    for descriptor, blob in ((config, b"{}"), (layer, packed)):
        await registry.put_blob(repository, blob, descriptor)
    raw = compact(
        {"schemaVersion": 2, "config": config.to_oci(), "layers": [layer.to_oci()], "mediaType": OCI_MANIFEST}
    )
    return (await registry.put_manifest(repository, raw, OCI_MANIFEST, tag=tag)).digest


def damage(cache: Path) -> None:
    """Overwrite what says which data was fetched last."""
    for file in cache.glob("last-*"):
        file.write_bytes(b"\xff nothing")


@pytest.mark.real
@pytest.mark.anyio
async def test_offline_it_is_what_was_fetched_last_and_nothing_is_requested(
    registry: Registry, olareg: str, tmp_path: Path
) -> None:
    repository = Repository(olareg, "offline/db")
    reference = repository.tagged("1")

    def database(*, offline: bool, of: Reference = reference) -> ScannerDatabase:
        return ScannerDatabase(VULNERABILITIES, registry, of, tmp_path, offline=offline)

    first = await publish(registry, repository, "1", "2026-11-01")
    requests = recorded(registry)
    with pytest.raises(
        EnvironmentProblem, match=r"offline, and the vulnerability database .* is not in"
    ) as raised:
        await database(offline=True).fetch()
    assert raised.value.hint and "LOCKAGE_OFFLINE" in raised.value.hint
    assert requests == []

    assert (await database(offline=False).fetch()).digest == first
    second = await publish(registry, repository, "1", "2026-11-02")
    requests.clear()
    for of in (reference, repository.at(first)):
        cached = database(offline=True, of=of)
        assert (await cached.fetch()).digest == first
        assert not await cached.outdates(str(first), "2026-11-01")
        assert await cached.outdates(str(second), "2026-10-01")
        assert not await cached.outdates(str(second), "2026-11-02"), "what is cached is older"
    assert requests == []

    assert (await database(offline=False).fetch()).digest == second
    assert (await database(offline=True).fetch()).digest == second
    with pytest.raises(EnvironmentProblem):
        await database(offline=True, of=repository.tagged("2")).fetch()
    damage(tmp_path / VULNERABILITIES.folder)
    assert await database(offline=True).find() is None


@pytest.mark.parametrize("metadata", [b"[]", b"null", b"{", b'{"UpdatedAt":[]}', b"[" * 100_000, b"\xff"])
def test_its_date_may_be_none(tmp_path: Path, metadata: bytes) -> None:
    (tmp_path / "metadata.json").write_bytes(metadata)
    assert isinstance(_updated(tmp_path), str)
