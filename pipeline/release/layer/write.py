"""The one form in which an entry is written: a ustar header, with a PAX header before it only where one is needed.

No access or change times, no names of owners, whole seconds; the same entry is the same bytes.
"""

from __future__ import annotations

from .entry import Entry, Kind
from .read import BLOCK

END = bytes(2 * BLOCK)
_NAME = 100
_ID = 0o7777777
_SIZE = 0o77777777777


def header(entry: Entry) -> bytes:
    """The bytes in front of an entry's content."""
    path = _raw(entry.path or ".") + (b"/" if entry.kind is Kind.FOLDER else b"")
    link, seconds = _raw(entry.link), entry.mtime // 10**9
    records = dict(entry.records)
    for key, raw in (("path", path), ("linkpath", link)):
        if len(raw) > _NAME or not raw.isascii():
            records[key] = raw
    numbers = {"uid": (entry.uid, _ID), "gid": (entry.gid, _ID)}
    numbers |= {"size": (entry.size, _SIZE), "mtime": (seconds, _SIZE)}
    for key, (value, most) in numbers.items():
        if not 0 <= value <= most:
            records[key] = str(value).encode()
    known = {key: value if 0 <= value <= most else 0 for key, (value, most) in numbers.items()}
    return _extended(records) + _block(
        path, entry.mode, known, str(entry.kind).encode(), link, (entry.major, entry.minor)
    )


def padding(size: int) -> bytes:
    """What fills the last block of so much content."""
    return bytes(-size % BLOCK)


def _extended(records: dict[str, bytes]) -> bytes:
    if not records:
        return b""
    content = b"".join(_record(_raw(key), records[key]) for key in sorted(records))
    numbers = {"uid": 0, "gid": 0, "size": len(content), "mtime": 0}
    return _block(b"PaxHeaders/entry", 0o644, numbers, b"x", b"", (0, 0)) + content + padding(len(content))


def _record(key: bytes, value: bytes) -> bytes:
    rest = len(key) + len(value) + 3  # a space, an equals sign, a newline
    length = rest + len(str(rest))
    length = rest + len(str(length))
    return b"%d %s=%s\n" % (length, key, value)


def _block(
    path: bytes, mode: int, numbers: dict[str, int], kind: bytes, link: bytes, device: tuple[int, int]
) -> bytes:
    raw = b"".join(
        (
            path[:_NAME].ljust(_NAME, b"\0"),
            b"%07o\0%07o\0%07o\0" % (mode, numbers["uid"], numbers["gid"]),
            b"%011o\0%011o\0" % (numbers["size"], numbers["mtime"]),
            b"        ",
            kind,
            link[:_NAME].ljust(_NAME, b"\0"),
            b"ustar\x0000",
            bytes(64),  # names of user and group
            b"%07o\0%07o\0" % device,
            bytes(155 + 12),
        )
    )
    return raw[:148] + b"%06o\0 " % sum(raw) + raw[156:]


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
