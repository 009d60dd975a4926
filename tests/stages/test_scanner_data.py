"""Archives that a database is not unpacked from: one error, nothing outside, bounded memory."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from pipeline.errors import RegistryError
from pipeline.run.target.scanner_data import VULNERABILITIES, _unpack, _updated
from tests.oci.layers import XATTR, Made, tar

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


@pytest.mark.parametrize("metadata", [b"[]", b"null", b"{", b'{"UpdatedAt":[]}', b"[" * 100_000, b"\xff"])
def test_its_date_may_be_none(tmp_path: Path, metadata: bytes) -> None:
    (tmp_path / "metadata.json").write_bytes(metadata)
    assert isinstance(_updated(tmp_path), str)
