"""A layer in its normal form: the same files give the same bytes, whoever made the layer and when.

Entries are in order of their paths, times that the build made are the epoch, of hard links the first one
carries the content; compression adds neither name nor time. Nothing is ever unpacked: content goes from one
temporary file to another, and memory grows with the number of entries alone.
"""

from __future__ import annotations

import hashlib
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from pipeline.model import Descriptor, Digest
from pipeline.model.descriptor import OCI_LAYER_GZIP

from .entry import Entry, Kind, LayerFault, Limits, order
from .plain import decompressed
from .read import entries
from .times import Times
from .write import END, header, padding

_PIECE = 1024 * 1024
_LEVEL = 5
"""As small as what the engine writes, and nearly twice as fast as zlib's default (docs/reproducible.md)."""
_GZIP = 31  # zlib's window bits for a gzip header without name and time


@dataclass(frozen=True, slots=True)
class NormalLayer:
    """A layer in its normal form, in the file `path`. `was` is the digest of the plain bytes it was made from."""

    path: Path
    descriptor: Descriptor
    diff_id: Digest
    was: Digest
    plain: int
    entries: int


def normal_layer(source: Path, out: Path, times: Times, limits: Limits | None = None) -> NormalLayer:
    """Write the normal form of a layer to `out`.

    Raises LayerFault for a layer that cannot be read, names a path twice, or links in a circle.
    """
    limits = limits or Limits()
    with source.open("rb") as packed, tempfile.TemporaryFile(dir=out.parent) as plain:
        was = _unpack(packed, plain, limits)
        found = _placed(plain, limits)
        with out.open("wb") as file:
            writer = _Writer(file)
            for entry, offset in _ordered(found):
                mtime = times.of(entry.mtime, folder=entry.kind is Kind.FOLDER)
                writer.write(header(replace(entry, mtime=mtime)))
                for piece in _content(plain, offset, entry.size):
                    writer.write(piece)
                writer.write(padding(entry.size))
            writer.finish()
    return NormalLayer(out, writer.descriptor, writer.diff_id, was, writer.plain_size, len(found))


def _unpack(packed: IO[bytes], plain: IO[bytes], limits: Limits) -> Digest:
    reader, seen = decompressed(packed, limits), hashlib.sha256()
    while part := reader.read(_PIECE):
        seen.update(part)
        plain.write(part)
    plain.seek(0)
    return Digest(f"sha256:{seen.hexdigest()}")


def _placed(plain: IO[bytes], limits: Limits) -> dict[str, tuple[Entry, int]]:
    """Every entry by its path, and where its content starts."""
    out: dict[str, tuple[Entry, int]] = {}
    for entry, _ in entries(plain, limits):
        if entry.path in out:
            raise LayerFault(f"a layer names {entry.path!r} twice")
        out[entry.path] = entry, plain.tell()
    return out


def _ordered(found: dict[str, tuple[Entry, int]]) -> Iterator[tuple[Entry, int]]:
    """In order of paths; the first of several names of a file has its content, the others link to it."""
    firsts: dict[str, str] = {}
    for path in sorted(found, key=order):
        entry, offset = found[path]
        if entry.kind not in (Kind.FILE, Kind.LINK):
            yield entry, offset
            continue
        source = _source(found, path)
        first = firsts.setdefault(source, path)
        if source in found and first == path:
            whole, offset = found[source]
            yield replace(whole, path=path), offset
        else:  # linked to what was written before, or to a file of the layers below
            yield _link(found, path, first if source in found else source), 0


def _link(found: dict[str, tuple[Entry, int]], path: str, target: str) -> Entry:
    """A hard link with the attributes of what it links to, as far as they are known here."""
    source = _source(found, path)
    whole = found[source][0] if source in found else found[path][0]
    return replace(whole, path=path, kind=Kind.LINK, size=0, link=target)


def _source(found: dict[str, tuple[Entry, int]], path: str) -> str:
    """What a path ends at when hard links are followed; a path outside of the layer ends there."""
    seen = {path}
    while path in found and found[path][0].kind is Kind.LINK:
        path = found[path][0].link
        if path in seen:
            raise LayerFault(f"a layer's hard links lead in a circle: {path!r}")
        seen.add(path)
    if path in found and found[path][0].kind is Kind.FOLDER:
        raise LayerFault(f"a layer has a hard link to the folder {path!r}")
    return path


def _content(plain: IO[bytes], offset: int, size: int) -> Iterator[bytes]:
    plain.seek(offset)
    while size and (part := plain.read(min(_PIECE, size))):
        size -= len(part)
        yield part


class _Writer:
    """Compresses into a file and knows both digests at the end."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._zip = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
        self._plain, self._packed = hashlib.sha256(), hashlib.sha256()
        self.plain_size, self._size = 0, 0

    def write(self, part: bytes) -> None:
        self._plain.update(part)
        self.plain_size += len(part)
        self._put(self._zip.compress(part))

    def _put(self, part: bytes) -> None:
        self._packed.update(part)
        self._size += len(part)
        self._file.write(part)

    def finish(self) -> None:
        self.write(END)
        self._put(self._zip.flush())

    @property
    def descriptor(self) -> Descriptor:
        return Descriptor(OCI_LAYER_GZIP, Digest(f"sha256:{self._packed.hexdigest()}"), self._size)

    @property
    def diff_id(self) -> Digest:
        return Digest(f"sha256:{self._plain.hexdigest()}")
