"""Small images made for tests, and the archives that tools read."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from pipeline.lab.layout.builder import ImageConfig, LayoutBuilder
from pipeline.lab.layout.layers import TarEntry, layer_of, parent_folders
from pipeline.lab.seed.layout_cache import layout_manifest
from pipeline.model import Platform

AMD64 = Platform("linux", "amd64")

STATUS = """\
Package: {name}
Status: install ok installed
Maintainer: Nobody <nobody@lockage.example>
Architecture: amd64
Source: {source}
Version: {version}
Description: made up

"""


def debian_like(
    packages: Sequence[tuple[str, str, str]], wheel: tuple[str, str] | None = None
) -> list[TarEntry]:
    """Files by which scanners know Debian 12, dpkg's packages (name, source, version) and one wheel."""
    status = "".join(STATUS.format(name=n, source=s, version=v) for n, s, v in packages)
    files = {
        "etc/debian_version": b"12.5\n",
        "etc/os-release": b'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
        "var/lib/dpkg/status": status.encode(),
    }
    if wheel:
        name, version = wheel
        place = f"opt/app/lib/python3.11/site-packages/{name.replace('-', '_')}-{version}.dist-info/METADATA"
        files[place] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
    return [*parent_folders(*files), *(TarEntry(path, 0o644, content) for path, content in files.items())]


def image(
    folder: Path,
    entries: Sequence[TarEntry],
    *,
    platform: Platform = AMD64,
    labels: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    """A layout with one image of one layer, not behind an index."""
    layout = LayoutBuilder(folder)
    layer = layer_of(entries, layout.blobs)
    config = ImageConfig(platform=platform, history=("made for a test",), labels=labels)
    layout.finish(layout.image([layer], config), "test")
    return folder


def flat(layout: Path, target: Path) -> Path:
    """A seeded layout (an index of one platform) as a layout whose entry is the image itself."""
    index = json.loads(blob(layout, layout_manifest(layout).digest.hex))
    target.mkdir()
    (target / "blobs").symlink_to(layout / "blobs")
    (target / "oci-layout").write_bytes((layout / "oci-layout").read_bytes())
    (target / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": index["manifests"]}))
    return target


def blob(layout: Path, digest_hex: str) -> bytes:
    """Content of a layout by its digest."""
    return (layout / "blobs" / "sha256" / digest_hex).read_bytes()


def manifest(layout: Path) -> dict:
    """The (first) image manifest of a layout, through an index if there is one."""
    found = json.loads(blob(layout, layout_manifest(layout).digest.hex))
    if "manifests" in found:
        found = json.loads(blob(layout, found["manifests"][0]["digest"].removeprefix("sha256:")))
    return found


def config(layout: Path) -> dict:
    """The configuration of a layout's image."""
    return json.loads(blob(layout, manifest(layout)["config"]["digest"].removeprefix("sha256:")))


def archive(layout: Path, target: Path) -> Path:
    """One tar that is an OCI archive and a Docker archive at once."""
    found = manifest(layout)

    def name(digest: str) -> str:
        return "blobs/sha256/" + digest.removeprefix("sha256:")

    docker = [
        {
            "Config": name(found["config"]["digest"]),
            "RepoTags": ["test:1"],
            "Layers": [name(layer["digest"]) for layer in found["layers"]],
        }
    ]
    (target.parent / "manifest.json").write_text(json.dumps(docker))
    with tarfile.open(target, "w", dereference=True) as tar:
        for part in ("oci-layout", "index.json", "blobs"):
            tar.add(layout / part, part)
        tar.add(target.parent / "manifest.json", "manifest.json")
    return target


def unpack(layout: Path, target: Path) -> Path:
    """The image's file system; for images whose layers delete nothing."""
    target.mkdir()
    for layer in manifest(layout)["layers"]:
        with tarfile.open(layout / "blobs" / "sha256" / layer["digest"].removeprefix("sha256:")) as tar:
            tar.extractall(target, numeric_owner=True)  # our own layer; `filter` came with Python 3.11.4
    return target
