"""What is in an image: its config, and its files after all layers, read by crane."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from tests.tools.logins import environment

from .tools import binary, crane

Kind = Literal["file", "dir", "link", "pipe", "device"]
_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
_SMALL = 1 << 13  # bytes of content that are kept


@dataclass(frozen=True, slots=True)
class File:
    """One path of an image. `mtime` is in seconds since 1970; large contents are not kept."""

    kind: Kind
    mode: str
    owner: str
    mtime: float
    link: str = ""
    content: bytes = b""


@dataclass(frozen=True)
class Image:
    """An image of one platform by its digest (`host/repository@sha256:…`)."""

    reference: str

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        """The manifest; of an index that of the first platform."""
        found = json.loads(crane("manifest", self.reference))
        if "manifests" in found:
            repository = self.reference.partition("@")[0]
            return Image(f"{repository}@{found['manifests'][0]['digest']}").manifest
        return found

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """The config: `architecture`, `config`, `history` and the rest."""
        return json.loads(crane("config", self.reference))

    @property
    def layers(self) -> list[str]:
        """The layers' digests, the lowest first."""
        return [layer["digest"] for layer in self.manifest["layers"] or ()]

    @cached_property
    def files(self) -> Mapping[str, File]:
        """Every file by its absolute path, as a container sees it."""
        tree: dict[str, File] = {}
        repository = self.reference.partition("@")[0]
        for digest in self.layers:
            _apply(_layer(repository, digest), tree)
        return tree


@dataclass(frozen=True, slots=True)
class _Entry:
    path: str
    file: File
    hard_link: str = ""


_KNOWN: dict[str, tuple[_Entry, ...]] = {}  # layers by digest: most images here have the same base


def _layer(repository: str, digest: str) -> tuple[_Entry, ...]:
    if digest not in _KNOWN:
        _KNOWN[digest] = _read(repository, digest)
    return _KNOWN[digest]


def _read(repository: str, digest: str) -> tuple[_Entry, ...]:
    blob = subprocess.run(
        [binary("crane"), "blob", f"{repository}@{digest}"],
        env=environment(),
        capture_output=True,
        check=True,
    )
    data = gzip.decompress(blob.stdout) if blob.stdout[:2] == b"\x1f\x8b" else blob.stdout
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return tuple(_entry(archive, member) for member in archive)


def _entry(archive: tarfile.TarFile, member: tarfile.TarInfo) -> _Entry:
    path = _path(member.name)
    kind: Kind = "file"
    if not member.isreg():
        kind = (
            "dir" if member.isdir() else "link" if member.issym() else "pipe" if member.isfifo() else "device"
        )
    content = b""
    if member.isreg() and member.size <= _SMALL and (source := archive.extractfile(member)):
        content = source.read()
    mode, owner = f"{member.mode & 0o7777:04o}", f"{member.uid}:{member.gid}"
    file = File(kind, mode, owner, member.mtime, member.linkname if member.issym() else "", content)
    return _Entry(path, file, _path(member.linkname) if member.islnk() else "")


def _apply(entries: tuple[_Entry, ...], tree: dict[str, File]) -> None:
    """Whiteouts concern the layers below alone (OCI image-spec, layer.md), wherever in the archive they are."""
    for entry in entries:
        folder, _, name = entry.path.rpartition("/")
        if name == _OPAQUE:
            _remove(tree, folder, inside_only=True)
        elif name.startswith(_WHITEOUT):
            _remove(tree, f"{folder}/{name.removeprefix(_WHITEOUT)}")
    for entry in entries:
        if entry.path.rpartition("/")[2].startswith(_WHITEOUT):
            continue
        before = tree.get(entry.path)
        if before is not None and before.kind == "dir" and entry.file.kind != "dir":
            _remove(tree, entry.path)
        linked = tree.get(entry.hard_link) if entry.hard_link else None
        tree[entry.path] = replace(linked) if linked else entry.file


def _remove(tree: dict[str, File], path: str, *, inside_only: bool = False) -> None:
    for below in [p for p in tree if p.startswith(f"{path}/")]:
        del tree[below]
    if not inside_only:
        tree.pop(path, None)


def _path(name: str) -> str:
    return "/" + name.removeprefix("./").strip("/") if name not in (".", "./") else "/"
