"""Reproducible layers (OCI image-spec v1.1, layer.md).

Entries are sorted, owned by 0:0 unless specified, and by number; no time is later than the given epoch; the
compression header has neither name nor time. Content is streamed, so memory does not grow with it.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
import zlib
from collections.abc import Callable, Iterable
from copy import copy
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pipeline.model import Descriptor, Digest
from pipeline.model.descriptor import OCI_LAYER_GZIP
from pipeline.util.dataclass import dataclass

from .blobs import BlobWriter

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_LEVEL = 6
_GZIP = 31  # zlib's window bits for "gzip header, no name, no time"


@dataclass(frozen=True, slots=True)
class BuiltLayer:
    """A compressed layer in a layout, and the digest of its uncompressed bytes."""

    descriptor: Descriptor
    diff_id: Digest


@dataclass(frozen=True, slots=True)
class TarEntry:
    """One file, link or folder of a layer.

    `source` is the content: bytes or a path for a file, the target as text for a symbolic link, None for a folder.
    `path` is relative to the root, without a leading slash.
    """

    path: str
    mode: int
    source: bytes | Path | str | None = None
    uid: int = 0
    gid: int = 0


def parent_folders(*paths: str) -> list[TarEntry]:
    """The folders that contain these paths, each once."""
    parents = {
        "/".join(parts[:depth])
        for path in paths
        for parts in [path.split("/")]
        for depth in range(1, len(parts))
    }
    return [TarEntry(path, 0o755) for path in sorted(parents)]


def layer_of(
    entries: Iterable[TarEntry], blobs: Path, *, epoch: int = 0, media_type: str = OCI_LAYER_GZIP
) -> BuiltLayer:
    """Write a layer of these entries into `blobs`; every time in it is `epoch` (seconds since 1970)."""

    def fill(tar: tarfile.TarFile) -> None:
        for entry in sorted(entries, key=lambda entry: _sort_key(entry.path)):
            _add(tar, entry, epoch)

    return _write(fill, blobs, media_type)


def layer_from_tar(source: IO[bytes], blobs: Path, *, epoch: int, keep: Callable[[str], bool]) -> BuiltLayer:
    """Rewrite a tar so that it depends on content alone; `keep` selects by path (no `./`, no leading `/`).

    Times later than `epoch` become `epoch`, earlier ones stay. Owners stay, by number. The source must be
    seekable. Raises ValueError for a hard link whose target does not precede it or is not kept.
    """

    def fill(tar: tarfile.TarFile) -> None:
        with tarfile.open(fileobj=source, mode="r:") as old:
            members = [
                _rewritten(member, path, epoch)
                for member in old
                if (path := _normalised(member.name)) and keep(path)
            ]
            written: set[str] = set()
            for member in sorted(members, key=lambda member: _sort_key(member.name)):
                if member.islnk() and member.linkname not in written:
                    raise ValueError(f"hard link {member.name} precedes its target {member.linkname}")
                tar.addfile(member, old.extractfile(member) if member.isreg() else None)
                written.add(member.name)

    return _write(fill, blobs, OCI_LAYER_GZIP)


def _rewritten(member: tarfile.TarInfo, path: str, epoch: int) -> tarfile.TarInfo:
    info = copy(member)  # TarInfo.replace needs Python 3.11.4; Debian 12 has 3.11.2
    info.name, info.uname, info.gname = path, "", ""
    info.mtime = min(int(member.mtime), epoch)
    info.pax_headers = {}
    if member.islnk():
        info.linkname = _normalised(member.linkname)
    return info


def _write(fill: Callable[[tarfile.TarFile], None], blobs: Path, media_type: str) -> BuiltLayer:
    with BlobWriter(blobs) as blob:
        compressed = _GzipWriter(blob)
        with tarfile.open(fileobj=compressed, mode="w|", format=tarfile.PAX_FORMAT) as tar:
            fill(tar)
        compressed.finish()
    return BuiltLayer(blob.descriptor(media_type), Digest(f"sha256:{compressed.plain.hexdigest()}"))


class _GzipWriter(io.RawIOBase):
    """Compresses what is written to it into a blob, and hashes the uncompressed bytes."""

    def __init__(self, blob: BlobWriter) -> None:
        self.plain = hashlib.sha256()
        self._blob = blob
        self._compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)

    def write(self, data: ReadableBuffer) -> int:
        self.plain.update(data)
        self._blob.write(self._compressor.compress(data))
        return memoryview(data).nbytes

    def finish(self) -> None:
        self._blob.write(self._compressor.flush())


def _add(tar: tarfile.TarFile, entry: TarEntry, epoch: int) -> None:
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
        case Path() as path:
            info.size = path.stat().st_size
            with path.open("rb") as file:
                tar.addfile(info, file)


def _normalised(name: str) -> str:
    """The path from the root, without `./`; empty for the root itself."""
    return "" if name in (".", "./") else name.removeprefix("./").strip("/")


def _sort_key(path: str) -> list[str]:
    """A folder comes right before its content, as in a walk of the tree by name."""
    return path.split("/")
