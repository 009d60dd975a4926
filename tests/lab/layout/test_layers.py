"""Layers depend on content alone."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.lab.layout.blobs import BlobWriter
from pipeline.lab.layout.builder import ImageConfig, LayoutBuilder
from pipeline.lab.layout.layers import TarEntry, layer_from_tar, layer_of
from pipeline.lab.seed.layout_cache import layout_manifest
from pipeline.model import Platform

ENTRIES = (
    TarEntry("usr", 0o755),
    TarEntry("usr/bin", 0o755),
    TarEntry("usr/bin/tool", 0o755, b"\x7fELF"),
    TarEntry("usr/bin/alias", 0o777, "tool"),
    TarEntry("home", 0o700, uid=65532, gid=65532),
    TarEntry("ä" * 150, 0o644, b"a long name"),
)


def _members(folder: Path, name: str) -> list[tarfile.TarInfo]:
    with tarfile.open(folder / name) as tar:
        return tar.getmembers()


@given(order=st.permutations(ENTRIES))
def test_order_of_entries_does_not_matter(
    order: list[TarEntry], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("layer")
    assert layer_of(order, folder) == layer_of(ENTRIES, folder)


def test_a_layer_is_what_its_descriptor_says(tmp_path: Path) -> None:
    layer = layer_of(ENTRIES, tmp_path, epoch=12)
    packed = (tmp_path / layer.descriptor.digest.hex).read_bytes()
    assert layer.descriptor.size == len(packed)
    assert layer.descriptor.digest.hex == hashlib.sha256(packed).hexdigest()
    assert layer.diff_id.hex == hashlib.sha256(gzip.decompress(packed)).hexdigest()
    assert packed[3] == 0 and packed[4:8] == b"\0\0\0\0"  # gzip: no name, no time (RFC 1952, 2.3)
    members = _members(tmp_path, layer.descriptor.digest.hex)
    assert [m.name for m in members][:4] == ["home", "usr", "usr/bin", "usr/bin/alias"]
    assert {m.mtime for m in members} == {12}
    assert {(m.uid, m.gid, m.uname, m.gname) for m in members if m.name != "home"} == {(0, 0, "", "")}
    assert members[0].uid == 65532
    assert [p.name for p in tmp_path.iterdir()] == [layer.descriptor.digest.hex]


def test_content_from_a_file_and_from_memory_is_the_same(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 100_000)
    os.utime(file, (5, 5))
    blobs = tmp_path / "blobs"
    assert layer_of([TarEntry("f", 0o644, file)], blobs) == layer_of(
        [TarEntry("f", 0o644, b"x" * 100_000)], blobs
    )


def _tar(members: list[tuple[str, bytes | None, int]], links: tuple[tuple[str, str], ...] = ()) -> io.BytesIO:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, content, mtime in members:
            info = tarfile.TarInfo(name)
            info.mtime, info.uname = mtime, "somebody"
            info.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
            info.size = len(content or b"")
            tar.addfile(info, io.BytesIO(content or b""))
        for name, target in links:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.LNKTYPE, target
            tar.addfile(info)
    out.seek(0)
    return out


def test_a_tar_is_sorted_trimmed_and_its_times_are_clamped(tmp_path: Path) -> None:
    one = _tar(
        [("./", None, 9), ("./a", None, 9), ("./a/x", b"1", 999), ("./a-b", b"2", 5), ("./log", b"3", 7)]
    )
    two = _tar([("./log", b"other", 1), ("./a-b", b"2", 5), ("./a", None, 9), ("./a/x", b"1", 1234)])
    layers = [layer_from_tar(t, tmp_path, epoch=100, keep=lambda path: path != "log") for t in (one, two)]
    assert layers[0] == layers[1]
    members = _members(tmp_path, layers[0].descriptor.digest.hex)
    assert [(m.name, m.mtime, m.uname) for m in members] == [("a", 9, ""), ("a/x", 100, ""), ("a-b", 5, "")]


def test_a_hard_link_follows_its_target_or_is_refused(tmp_path: Path) -> None:
    good = _tar([("./a", b"1", 1)], (("./b", "./a"),))
    layer = layer_from_tar(good, tmp_path, epoch=1, keep=lambda _: True)
    assert [(m.name, m.linkname) for m in _members(tmp_path, layer.descriptor.digest.hex)] == [
        ("a", ""),
        ("b", "a"),
    ]
    bad = _tar([("./b", b"1", 1)], (("./a", "./b"),))
    with pytest.raises(ValueError, match="hard link a precedes its target b"):
        layer_from_tar(bad, tmp_path, epoch=1, keep=lambda _: True)


def test_a_broken_write_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), BlobWriter(tmp_path) as blob:
        blob.write(b"half")
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_an_image_is_the_same_twice(tmp_path: Path) -> None:
    roots = []
    for name in ("one", "two"):
        layout = LayoutBuilder(tmp_path / name)
        config = ImageConfig(platform=Platform("linux", "amd64"), history=("x",), env=("A=1",), user="1")
        made = layout.image([layer_of(ENTRIES, layout.blobs)], config)
        layout.finish(layout.index([made]), "v1")
        roots.append(layout_manifest(layout.root))
    assert roots[0] == roots[1]
    index = json.loads((tmp_path / "one/blobs/sha256" / roots[0].digest.hex).read_bytes())
    assert index["manifests"][0]["platform"] == {"architecture": "amd64", "os": "linux"}
