"""Layers that come out the same every time (OCI image-spec v1.1, layer.md).

Entries are sorted, owned by 0:0 unless said otherwise, named by number, and no time is later than the
one asked for; compression adds neither name nor time. Content is streamed, so memory does not grow with it.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
import zlib
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pipeline.model import Descriptor, Digest
from pipeline.model.descriptor import OCI_LAYER_GZIP

from .layout import BlobWriter

_LEVEL = 6
_GZIP = 31  # zlib's window bits for "gzip header, no name, no time"


@dataclass(frozen=True, slots=True)
class SeedLayer:
    """A compressed layer lying in a layout, and the digest of its uncompressed bytes."""

    descriptor: Descriptor
    diff_id: Digest


@dataclass(frozen=True, slots=True)
class SeedEntry:
    """One file, link or folder of a layer made from parts.

    `source` is the content: bytes or a path for a file, the target's text for a symbolic link, None for a
    folder. `path` is relative to the root and has no leading slash.
    """

    path: str
    mode: int
    source: bytes | Path | str | None = None
    uid: int = 0
    gid: int = 0


def folders_above(*paths: str) -> list[SeedEntry]:
    """The folders that these paths lie in, each once."""
    above = {
        "/".join(parts[:n]) for path in paths for parts in [path.split("/")] for n in range(1, len(parts))
    }
    return [SeedEntry(path, 0o755) for path in sorted(above)]


def layer_of(
    entries: Iterable[SeedEntry], blobs: Path, *, epoch: int = 0, media_type: str = OCI_LAYER_GZIP
) -> SeedLayer:
    """Write a layer of these entries into `blobs`; every time in it is `epoch` (seconds since 1970)."""

    def fill(tar: tarfile.TarFile) -> None:
        for entry in sorted(entries, key=lambda e: _order(e.path)):
            _add(tar, entry, epoch)

    return _write(fill, blobs, media_type)


def layer_from_tar(source: IO[bytes], blobs: Path, *, epoch: int, keep: Callable[[str], bool]) -> SeedLayer:
    """Rewrite a tar so that it depends on content alone; `keep` decides by path (no `./`, no leading `/`).

    Times later than `epoch` become `epoch`, earlier ones stay. Owners stay, by number. The source must be
    seekable. Raises ValueError for a hard link whose target does not come before it or is not kept.
    """

    def fill(tar: tarfile.TarFile) -> None:
        with tarfile.open(fileobj=source, mode="r:") as old:
            members = [(path, m) for m in old if (path := _clean(m.name)) and keep(path)]
            seen: set[str] = set()
            for path, member in sorted(members, key=lambda pair: _order(pair[0])):
                seen.add(path)
                _copy(tar, old, member, path, epoch, seen)

    return _write(fill, blobs, OCI_LAYER_GZIP)


def _write(fill: Callable[[tarfile.TarFile], None], blobs: Path, media_type: str) -> SeedLayer:
    with ExitStack() as stack:
        blob = stack.enter_context(BlobWriter(blobs))
        pipe = _Gzip(blob)
        with tarfile.open(fileobj=pipe, mode="w|", format=tarfile.PAX_FORMAT) as tar:
            fill(tar)
        pipe.finish()
    return SeedLayer(blob.descriptor(media_type), Digest(f"sha256:{pipe.plain.hexdigest()}"))


class _Gzip(io.RawIOBase):
    """Takes plain bytes, passes on compressed ones, remembers the digest of the plain ones."""

    def __init__(self, out: BlobWriter) -> None:
        self.plain = hashlib.sha256()
        self._out = out
        self._zip = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.plain.update(data)
        self._out.write(self._zip.compress(data))
        return len(data)

    def finish(self) -> None:
        self._out.write(self._zip.flush())


def _add(tar: tarfile.TarFile, entry: SeedEntry, epoch: int) -> None:
    info = tarfile.TarInfo(entry.path)
    info.mode, info.mtime, info.uid, info.gid = entry.mode, epoch, entry.uid, entry.gid
    match entry.source:
        case None:
            info.type = tarfile.DIRTYPE
            tar.addfile(info)
        case str(target):
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
        case bytes(content):
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        case Path() as file:
            info.size = file.stat().st_size
            with file.open("rb") as content:
                tar.addfile(info, content)


def _copy(
    tar: tarfile.TarFile, old: tarfile.TarFile, member: tarfile.TarInfo, path: str, epoch: int, seen: set[str]
) -> None:
    info = copy(member)  # TarInfo.replace came with Python 3.11.4; Debian 12 has 3.11.2
    info.name, info.uname, info.gname = path, "", ""
    info.mtime = min(int(member.mtime), epoch)
    info.pax_headers = {}
    if member.islnk():
        info.linkname = _clean(member.linkname)
        if info.linkname not in seen:
            raise ValueError(f"hard link {path} comes before its target {info.linkname}")
    if member.isreg():
        with old.extractfile(member) as content:  # type: ignore[union-attr]  # a regular file has content
            tar.addfile(info, content)
    else:
        tar.addfile(info)


def _clean(name: str) -> str:
    """The path from the root, without `./`; empty for the root itself."""
    return "" if name in (".", "./") else name.removeprefix("./").strip("/")


def _order(path: str) -> list[str]:
    """A folder comes right before what is in it, as in a walk of the tree by name."""
    return path.split("/")
