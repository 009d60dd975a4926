"""Reading of tar streams from anywhere (POSIX.1-2017 pax; GNU long names), with nothing taken on trust.

`tarfile` reads an extended header of any length into memory, takes global records and sparse files, and rounds times.
Layers that are compared here must not be called equal when they are not, so what is not understood is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from .decompress import Readable
from .entry import Kind, LayerEntry, LayerFault, LayerLimits, clean

BLOCK = 512
_PIECE = 256 * 1024
_EXTENDED = {"x", "g", "L", "K"}
_DROPPED = {"atime", "ctime", "uname", "gname", "comment", "hdrcharset", "charset", "LIBARCHIVE.creationtime"}
_TAKEN = {"path", "linkpath", "size", "uid", "gid", "mtime"}


class Body:
    """The content of the entry that was read last. What is left of it is skipped before the next entry."""

    def __init__(self, source: Readable, size: int) -> None:
        self._source, self._left, self._padding = source, size, -size % BLOCK

    def pieces(self) -> Iterator[bytes]:
        """The content, or what is left of it; raises LayerFault if the stream ends before it does."""
        while self._left:
            part = self._source.read(min(_PIECE, self._left))
            if not part:
                raise LayerFault("a layer ends in the middle of a file")
            self._left -= len(part)
            yield part

    def skip(self) -> None:
        """Read to where the next header is."""
        for _ in self.pieces():
            pass
        self._left, self._padding = self._padding, 0
        for _ in self.pieces():
            pass


@dataclass(slots=True)
class _Header:
    name: bytes
    mode: int
    uid: int
    gid: int
    size: int
    mtime: int
    kind: str
    link: bytes
    major: int
    minor: int


def entries(source: Readable, limits: LayerLimits | None = None) -> Iterator[tuple[LayerEntry, Body]]:
    """Every entry with its content, in the order of the stream; the content of files alone is not empty.

    Raises LayerFault for what is not a tar, leads out of its root, is of no known kind, or exceeds the limits.
    """
    limits, count = limits or LayerLimits(), 0
    records: dict[str, bytes] = {}
    while (raw := _exactly(source, BLOCK, "a header")) and any(raw):
        count += 1
        if count > limits.entries:
            raise LayerFault(f"a layer has more than {limits.entries} entries")
        header = _header(raw)
        if header.kind in _EXTENDED:
            _extend(records, header, source, limits)
            continue
        entry = _entry(header, records, limits)
        records = {}
        body = Body(source, entry.size)
        yield entry, body
        body.skip()
    while source.read(_PIECE):  # padding behind the end belongs to the layer's digest
        pass


def _exactly(source: Readable, size: int, what: str) -> bytes:
    out = b""
    while len(out) < size:
        part = source.read(size - len(out))
        if not part:
            if out:
                raise LayerFault(f"a layer ends in the middle of {what}")
            return b""
        out += part
    return out


def _header(raw: bytes) -> _Header:
    said = _number(raw[148:156])
    if said != sum(raw) - sum(raw[148:156]) + 8 * 32:
        raise LayerFault("a layer is not a tar archive: the checksum of a header is wrong")
    name = raw[:100].partition(b"\0")[0]
    if raw[257:263] == b"ustar\0" and (prefix := raw[345:500].partition(b"\0")[0]):
        name = prefix + b"/" + name
    fields = [_number(raw[a:b]) for a, b in ((100, 108), (108, 116), (116, 124), (124, 136), (136, 148))]
    if fields[3] < 0:
        raise LayerFault("a layer has an entry of negative size")
    flag = chr(raw[156])
    kind = "0" if flag in "\0" + "7" else flag
    link = raw[157:257].partition(b"\0")[0]
    device = raw[257:262] == b"ustar" and kind in "34"
    major, minor = (_number(raw[329:337]), _number(raw[337:345])) if device else (0, 0)
    return _Header(name, *fields, kind, link, major, minor)


def _number(field: bytes) -> int:
    """Octal digits, or base 256 when the highest bit is set (GNU)."""
    if field[0] & 0x80:
        value = int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
        return value - (1 << (8 * len(field) - 1)) if field[0] & 0x40 else value
    text = field.partition(b"\0")[0].strip()
    try:
        return int(text or b"0", 8)
    except ValueError:
        raise LayerFault(f"a layer is not a tar archive: {text[:20]!r} is not a number") from None


def _extend(records: dict[str, bytes], header: _Header, source: Readable, limits: LayerLimits) -> None:
    if header.size > limits.header:
        raise LayerFault(f"a layer has an extended header of {header.size} bytes")
    raw = _exactly(source, header.size + -header.size % BLOCK, "an extended header")
    if len(raw) < header.size:
        raise LayerFault("a layer ends in the middle of an extended header")
    raw = raw[: header.size]
    if header.kind == "L":
        records["path"] = raw.partition(b"\0")[0]
    elif header.kind == "K":
        records["linkpath"] = raw.partition(b"\0")[0]
    else:
        found = dict(_pax(raw))
        if header.kind == "g" and set(found) - _DROPPED:
            raise LayerFault(f"a layer has global records: {', '.join(sorted(found))[:200]}")
        records.update({} if header.kind == "g" else found)


def _pax(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """`LENGTH KEY=VALUE\\n` one after the other."""
    at = 0
    while at < len(raw):
        number, space, _ = raw[at : at + 16].partition(b" ")
        end = at + int(number) if space and number.isdigit() else at
        key, equals, value = raw[at + len(number) + 1 : end].partition(b"=")
        if end > len(raw) or not equals or not key or not value.endswith(b"\n"):
            raise LayerFault("a layer has an extended header that cannot be read")
        yield key.decode("utf-8", "surrogateescape"), value[:-1]
        at = end


def _entry(header: _Header, records: dict[str, bytes], limits: LayerLimits) -> LayerEntry:
    if any(key.startswith("GNU.sparse") for key in records) or header.kind not in set(Kind):
        raise LayerFault(f"a layer has an entry of the kind {header.kind[:1]!r}, or a sparse one")
    kind = Kind(header.kind)
    path, link = records.get("path", header.name), records.get("linkpath", header.link)
    if kind is Kind.FILE and path.endswith(b"/"):
        kind = Kind.FOLDER
    if max(len(path), len(link)) > limits.path:
        raise LayerFault(f"a layer has a path of {max(len(path), len(link))} bytes")
    name = clean(_text(path), "the path")
    size = _whole(records, "size", header.size)
    if size < 0:
        raise LayerFault("a layer has an entry of negative size")
    if kind is Kind.LINK:
        target = clean(_text(link), f"{name!r}, a hard link to")
    else:
        target = _text(link) if kind is Kind.SYMLINK else ""
    kept = {key: value for key, value in records.items() if key not in _DROPPED | _TAKEN}
    return LayerEntry(
        path=name,
        kind=kind,
        mode=header.mode & 0o7777,
        uid=_whole(records, "uid", header.uid),
        gid=_whole(records, "gid", header.gid),
        size=size if kind is Kind.FILE else 0,
        mtime=_nanoseconds(records["mtime"]) if "mtime" in records else header.mtime * 10**9,
        link=target,
        major=header.major,
        minor=header.minor,
        records=tuple(sorted(kept.items())),
    )


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _whole(records: dict[str, bytes], key: str, otherwise: int) -> int:
    raw = records.get(key)
    if raw is None:
        return otherwise
    if not raw.isdigit() or len(raw) > 19:
        raise LayerFault(f"a layer has an extended header that cannot be read: {key}={raw[:40]!r}")
    return int(raw)


def _nanoseconds(raw: bytes) -> int:
    try:
        value = Decimal(raw.decode("ascii"))
        if len(raw) > 40 or not value.is_finite() or abs(value) > 10**12:
            raise ValueError
        return int((value * 10**9).to_integral_value(rounding="ROUND_FLOOR"))
    except (ValueError, InvalidOperation):
        raise LayerFault(f"a layer has an extended header that cannot be read: mtime={raw[:40]!r}") from None
