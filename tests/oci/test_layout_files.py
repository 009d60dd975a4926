"""Layouts by strangers: what is no regular file is refused, neither opened nor followed."""

from __future__ import annotations

import json
import os
import socket
import stat
from pathlib import Path

import anyio
import pytest

from pipeline.errors import RegistryError
from pipeline.model import Descriptor
from pipeline.model.limits import MANIFEST_BYTES, MANIFEST_ENTRIES
from pipeline.oci.layout import Layout
from pipeline.oci.limits import LAYOUT_INDEX_BYTES

from .test_compare import BASE, image


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def _self(path: Path) -> None:
    path.symlink_to(path.name)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as opened:
        here = Path.cwd()
        os.chdir(path.parent)  # the path of a socket is short
        try:
            opened.bind(path.name)
        finally:
            os.chdir(here)


def _device(path: Path) -> None:
    try:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))  # /dev/zero has no end
    except PermissionError:
        pytest.skip("devices are made by root")


KINDS = {
    "pipe": _pipe,
    "symbolic link": _link,
    "symbolic link, to itself": _self,
    "socket": _socket,
    "device": _device,
    "folder": Path.mkdir,
}


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A layout with one image."""
    made = Layout.create(tmp_path / "layout")
    digest = image(made, BASE)
    made.add(anyio.run(made.manifest, digest).descriptor)
    assert made.resolve().digest == digest
    return made


def _read_everything(layout: Layout) -> None:
    async def read() -> None:
        manifest = await layout.manifest(layout.resolve().digest)
        for blob in manifest.blobs:
            assert layout.file(blob) is None or layout.file(blob).lstat().st_size == blob.size  # type: ignore[union-attr]
            async for _ in layout.stream(blob):
                pass
        await layout.referrers([manifest.digest])

    anyio.run(read)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("which", ["oci-layout", "index.json", "manifest", "layer"])
def test_what_is_no_file_is_one_error(layout: Layout, kind: str, which: str) -> None:
    top = anyio.run(layout.manifest, layout.resolve().digest)
    places = {
        "manifest": layout.folder / "blobs/sha256" / top.digest.hex,
        "layer": layout.folder / "blobs/sha256" / top.layers[0].digest.hex,
    }
    path = places.get(which, layout.folder / which)
    path.unlink()
    KINDS[kind](path)
    with pytest.raises(RegistryError, match=f"is a {kind.partition(',')[0]}, not a file") as caught:
        _read_everything(layout)
    assert caught.value.hint
    if which == "layer":
        assert layout.file(top.layers[0]) is None


@pytest.mark.parametrize("part", ["blobs", "blobs/sha256"])
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_folders_are_no_links(layout: Layout, tmp_path: Path, part: str, kind: str) -> None:
    folder = layout.folder / part
    folder.rename(tmp_path / "moved")
    if kind == "link":
        folder.symlink_to(tmp_path / "moved")
    else:
        os.mkfifo(folder)
    with pytest.raises(RegistryError, match=f"{folder.name} is not a folder"):
        _read_everything(layout)


def test_the_folder_that_a_user_names_may_be_a_link(layout: Layout, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(layout.folder)
    _read_everything(Layout(tmp_path / "link"))


def test_a_pipe_where_a_blob_belongs_is_replaced(tmp_path: Path) -> None:
    layout, content = Layout.create(tmp_path / "layout"), b"content"
    path = layout.folder / "blobs/sha256" / Descriptor.of(content, "").digest.hex
    os.mkfifo(path)
    assert layout.put(content, "").digest.hex == path.name
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("index", "problem"),
    [
        (b" " * (LAYOUT_INDEX_BYTES + 1), "larger than 16 MiB"),
        (
            json.dumps({"manifests": [{}] * (MANIFEST_ENTRIES + 1)}).encode(),
            f"more than {MANIFEST_ENTRIES} entries",
        ),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"manifests":[],"manifests":[]}', "repeated"),
        (b'{"manifests":' + b"9" * 5000 + b"}", "too many digits"),
        (b'{"manifests":5}', "not an OCI image layout"),
        (b'{"manifests":[{"mediaType":"\\ud800","digest":"x","size":1}]}', "surrogate"),
        (b"null", "not an OCI image layout"),
        (b"\xff", "not UTF-8"),
    ],
)
def test_an_index_that_is_none(layout: Layout, index: bytes, problem: str) -> None:
    (layout.folder / "index.json").write_bytes(index)
    with pytest.raises(RegistryError, match=problem) as caught:
        layout.resolve()
    assert len(caught.value.message) < 500


def test_a_manifest_has_a_size(layout: Layout) -> None:
    content = b" " * (MANIFEST_BYTES + 1)
    descriptor = layout.put(content, "application/vnd.oci.image.manifest.v1+json")
    with pytest.raises(RegistryError, match="is larger than 4 MiB"):
        anyio.run(layout.manifest, descriptor.digest)


def test_names_of_a_layout_are_shown_in_part(layout: Layout) -> None:
    name = "org.opencontainers.image.ref.name"
    top = layout.resolve()
    entries = [
        Descriptor(top.media_type, top.digest, top.size, annotations={name: "n" * 1000 + str(n)})
        for n in range(500)
    ]
    layout.add(*entries)
    with pytest.raises(RegistryError, match="does not hold 'other'") as caught:
        layout.resolve("other")
    assert len(caught.value.hint or "") < 3000 and "and others" in (caught.value.hint or "")
