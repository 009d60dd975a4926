"""Reading of untrusted tar streams (POSIX.1-2017 pax, GNU long names).

`tarfile` reads an extended header of any length into memory, accepts global records and sparse files, and rounds times.
A comparison must not call different layers equal, so whatever is not supported here is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

from pipeline.util.dataclass import dataclass
from pipeline.util.sizes import size_text

from .decompress import Readable
from .entry import EntryKind, LayerEntry, LayerFault, LayerLimits, Usage, normalised

BLOCK = 512
_CHUNK = 256 * 1024
_EXTENDED = {"x", "g", "L", "K"}
_IGNORED = {"atime", "ctime", "uname", "gname", "comment", "hdrcharset", "charset", "LIBARCHIVE.creationtime"}
_GNU_NAMES = {"L": "path", "K": "linkpath"}
_FIELDS = {"path", "linkpath", "size", "uid", "gid", "mtime"}


class Body:
    """The content of the entry read last. What is left of it is skipped before the next entry."""

    def __init__(self, source: Readable, size: int) -> None:
        self._source, self._left, self._padding = source, size, -size % BLOCK

    def chunks(self) -> Iterator[bytes]:
        """The content that is left; raises LayerFault if the stream ends before it."""
        while self._left:
            data = self._source.read(min(_CHUNK, self._left))
            if not data:
                raise LayerFault("a layer ends in the middle of a file")
            self._left -= len(data)
            yield data

    def skip(self) -> None:
        """Read up to the next header."""
        for _ in self.chunks():
            pass
        self._left, self._padding = self._padding, 0
        for _ in self.chunks():
            pass


@dataclass(slots=True)
class _Header:
    path: bytes
    mode: int
    uid: int
    gid: int
    size: int
    mtime: int
    kind: str
    link: bytes
    major: int
    minor: int


def entries(
    source: Readable, limits: LayerLimits | None = None, usage: Usage | None = None
) -> Iterator[tuple[LayerEntry, Body]]:
    """Each entry with its content, in the order of the stream; only files have content.

    Raises LayerFault if it is not a tar archive, a path leads out of the root, a type is unknown, or beyond the limits;
    `usage` is that of all layers that are read together.
    """
    limits = limits or LayerLimits()
    usage = usage or Usage(limits)
    records: dict[str, bytes] = {}
    extended, seen = 0, ""
    while (raw := _read_exactly(source, BLOCK, "a header")) and any(raw):
        usage.add_header()
        header = _header(raw)
        if header.kind in _EXTENDED:
            extended += header.size
            if extended > limits.header:
                size = size_text(limits.header)
                raise LayerFault(f"a layer has an extended header of {extended} bytes, more than {size}")
            if header.kind in seen or (header.kind == "g" and seen):
                raise LayerFault(
                    f"a layer has several extended headers for one entry: {seen + header.kind!r}"
                )
            seen += header.kind if header.kind != "g" else ""
            _add_records(records, _read_extended(header, source))
            continue
        entry = _entry(header, records, limits)
        records, extended, seen = {}, 0, ""
        usage.add_names(entry)
        body = Body(source, entry.size)
        yield entry, body
        body.skip()
    while source.read(_CHUNK):  # the padding after the end is part of the layer's digest
        pass


def _read_exactly(source: Readable, size: int, part: str) -> bytes:
    """So many bytes, or none at the end of the stream; `part` names them in the error."""
    content = b""
    while len(content) < size:
        data = source.read(size - len(content))
        if not data:
            if content:
                raise LayerFault(f"a layer ends in the middle of {part}")
            return b""
        content += data
    return content


def _header(raw: bytes) -> _Header:
    checksum = _number(raw[148:156])
    if checksum != sum(raw) - sum(raw[148:156]) + 8 * 32:
        raise LayerFault("a layer is not a tar archive: the checksum of a header is wrong")
    path = raw[:100].partition(b"\0")[0]
    if raw[257:263] == b"ustar\0" and (prefix := raw[345:500].partition(b"\0")[0]):
        path = prefix + b"/" + path
    typeflag = chr(raw[156])
    kind = "0" if typeflag in "\0" + "7" else typeflag
    device = raw[257:262] == b"ustar" and kind in "34"
    header = _Header(
        path=path,
        mode=_number(raw[100:108]),
        uid=_number(raw[108:116]),
        gid=_number(raw[116:124]),
        size=_number(raw[124:136]),
        mtime=_number(raw[136:148]),
        kind=kind,
        link=raw[157:257].partition(b"\0")[0],
        major=_number(raw[329:337]) if device else 0,
        minor=_number(raw[337:345]) if device else 0,
    )
    if header.size < 0:
        raise LayerFault("a layer has an entry of negative size")
    return header


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


def _read_extended(header: _Header, source: Readable) -> dict[str, bytes]:
    """What an extended header says of the entry that follows."""
    raw = _read_exactly(source, header.size + -header.size % BLOCK, "an extended header")
    if len(raw) < header.size:
        raise LayerFault("a layer ends in the middle of an extended header")
    raw = raw[: header.size]
    if header.kind in _GNU_NAMES:
        return {_GNU_NAMES[header.kind]: raw.partition(b"\0")[0]}
    pax = dict(_pax_records(raw))
    if header.kind == "g" and set(pax) - _IGNORED:
        raise LayerFault(f"a layer has global records: {', '.join(sorted(pax))[:200]}")
    return {} if header.kind == "g" else pax


def _add_records(records: dict[str, bytes], more: dict[str, bytes]) -> None:
    """Add the records of another extended header of the same entry.

    An empty field leaves what the header itself says (POSIX.1-2017 pax). Of a name given by a GNU and by a PAX header,
    readers take either one or the other.
    """
    more = {key: value for key, value in more.items() if value or key not in _FIELDS}
    if twice := sorted(records.keys() & more.keys()):
        raise LayerFault(f"a layer has two extended headers with {twice[0]!r} for one entry")
    records.update(more)


def _pax_records(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """Records of the form `LENGTH KEY=VALUE\\n`."""
    position = 0
    while position < len(raw):
        number, space, _ = raw[position : position + 16].partition(b" ")
        end = position + int(number) if space and number.isdigit() else position
        key, equals, value = raw[position + len(number) + 1 : end].partition(b"=")
        if end > len(raw) or not equals or not key or not value.endswith(b"\n"):
            raise LayerFault("a layer has an invalid extended header")
        yield key.decode("utf-8", "surrogateescape"), value[:-1]
        position = end


def _entry(header: _Header, records: dict[str, bytes], limits: LayerLimits) -> LayerEntry:
    if any(key.startswith("GNU.sparse") for key in records) or header.kind not in set(EntryKind):
        raise LayerFault(f"a layer has a sparse entry or one of type {header.kind[:1]!r}")
    kind = EntryKind(header.kind)
    path, link = records.get("path", header.path), records.get("linkpath", header.link)
    if kind is EntryKind.FILE and path.endswith(b"/"):
        kind = EntryKind.FOLDER
    if max(len(path), len(link)) > limits.path:
        raise LayerFault(
            f"a layer has a path of {max(len(path), len(link))} bytes, more than {limits.path} bytes"
        )
    name = normalised(_text(path), "the path")
    if name.count("/") >= limits.depth:
        raise LayerFault(f"a layer has a path of more than {limits.depth} folders: {name[:80]!r}…")
    size = _integer(records, "size", header.size)
    if size < 0:
        raise LayerFault("a layer has an entry of negative size")
    if kind is EntryKind.FOLDER and header.kind == EntryKind.FILE and size:
        raise LayerFault(f"a layer has a folder with content: {name[:200]!r}")
    if kind is EntryKind.LINK:
        target = normalised(_text(link), f"{name!r}, a hard link to")
    else:
        target = _text(link) if kind is EntryKind.SYMLINK else ""
    other = {key: value for key, value in records.items() if key not in _IGNORED | _FIELDS}
    return LayerEntry(
        path=name,
        kind=kind,
        mode=header.mode & 0o7777,
        uid=_integer(records, "uid", header.uid),
        gid=_integer(records, "gid", header.gid),
        size=size if kind is EntryKind.FILE else 0,
        mtime=_nanoseconds(records["mtime"]) if "mtime" in records else header.mtime * 10**9,
        link=target,
        major=header.major,
        minor=header.minor,
        records=tuple(sorted(other.items())),
    )


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _integer(records: dict[str, bytes], key: str, default: int) -> int:
    raw = records.get(key)
    if raw is None:
        return default
    if not raw.isdigit() or len(raw) > 19:
        raise LayerFault(f"a layer has an invalid extended header: {key}={raw[:40]!r}")
    return int(raw)


def _nanoseconds(raw: bytes) -> int:
    try:
        value = Decimal(raw.decode("ascii"))
        if len(raw) > 40 or not value.is_finite() or abs(value) > 10**12:
            raise ValueError
        return int((value * 10**9).to_integral_value(rounding="ROUND_FLOOR"))
    except (ValueError, InvalidOperation):
        raise LayerFault(f"a layer has an invalid extended header: mtime={raw[:40]!r}") from None
