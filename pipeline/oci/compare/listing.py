"""A layer as a list of what is in it, contents by digest; and where two such lists differ."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.model import Digest
from pipeline.util.timestamps import format_timestamp

from ..layer import Kind, LayerEntry, LayerLimits, decompressed, entries
from .difference import Difference


@dataclass(frozen=True, slots=True)
class Seen:
    """An entry and, of a file, the digest of its content."""

    entry: LayerEntry
    digest: Digest | None = None


Listing = Mapping[str, Seen]
"""Entries by path, in the order of the layer. Of a path that stands twice in a layer, the last counts."""


def read_listing(source: Path, limits: LayerLimits | None = None) -> Listing:
    """List a layer that lies in a file, compressed or not. Raises LayerFault."""
    out: dict[str, Seen] = {}
    with source.open("rb") as file:
        for entry, body in entries(decompressed(file, limits), limits):
            digest = None
            if entry.kind is Kind.FILE:
                seen = hashlib.sha256()
                for piece in body.pieces():
                    seen.update(piece)
                digest = Digest(f"sha256:{seen.hexdigest()}")
            out.pop(entry.path, None)
            out[entry.path] = Seen(entry, digest)
    return out


def listing_differences(where: str, before: Listing, after: Listing) -> Iterator[Difference]:
    """Every path that only one has, everything in which a path differs, and whether the order does."""
    for path in sorted({*before, *after}):
        yield from _entry_differences(where, path or "/", before.get(path), after.get(path))
    if before.keys() == after.keys():
        first = next((pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]), None)
        if first:
            yield Difference(where, "", "order of entries", *first)


def _entry_differences(
    where: str, path: str, before: Seen | None, after: Seen | None
) -> Iterator[Difference]:
    if before is None or after is None:
        yield Difference(where, path, "presence", before and _kind(before), after and _kind(after))
        return
    old, new = before.entry, after.entry
    if old.kind is not new.kind:
        yield Difference(where, path, "kind", _kind(before), _kind(after))
    for what, (was, now) in {
        "mode": (f"{old.mode:04o}", f"{new.mode:04o}"),
        "owner": (f"{old.uid}:{old.gid}", f"{new.uid}:{new.gid}"),
        "time": (_moment(old.mtime), _moment(new.mtime)),
        "link target": (old.link, new.link),
        "device": (f"{old.major}:{old.minor}", f"{new.major}:{new.minor}"),
    }.items():
        if was != now:
            yield Difference(where, path, what, was, now)
    if old.kind is new.kind and before.digest != after.digest:
        yield Difference(where, path, "content", _content(before), _content(after))
    records = dict(old.records), dict(new.records)
    for key in sorted({*records[0], *records[1]}):
        was, now = (side.get(key) for side in records)
        if was != now:
            yield Difference(where, path, key, _bytes(was), _bytes(now))


def _kind(seen: Seen) -> str:
    if seen.entry.whiteout is not None or seen.entry.opaque is not None:
        return "whiteout"
    return seen.entry.kind.word


def _content(seen: Seen) -> str:
    return f"{seen.entry.size} bytes, {seen.digest}"


def _moment(nanoseconds: int) -> str:
    try:
        text = format_timestamp(nanoseconds // 10**9)
    except OverflowError:
        return f"{nanoseconds} ns"
    rest = nanoseconds % 10**9
    return f"{text.removesuffix('Z')}.{rest:09d}Z" if rest else text


def _bytes(value: bytes | None) -> str | None:
    if value is None:
        return None
    return value.decode() if value.isascii() and value.decode().isprintable() else f"0x{value.hex()}"
