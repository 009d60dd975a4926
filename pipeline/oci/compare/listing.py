"""Listings of layers, with file contents by digest, and the differences of two listings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from pipeline.model import Digest
from pipeline.util.dataclass import dataclass
from pipeline.util.timestamps import format_timestamp

from ..layer import EntryKind, LayerEntry, LayerLimits, Usage, decompressed, entries
from .difference import Difference


@dataclass(frozen=True, slots=True)
class ListedEntry:
    """An entry, and for a file the digest of its content."""

    entry: LayerEntry
    digest: Digest | None = None


Listing = Mapping[str, ListedEntry]
"""Entries by path, in the order of the layer; of a repeated path, the last."""


def read_listing(source: Path, limits: LayerLimits | None = None, usage: Usage | None = None) -> Listing:
    """List a layer in a file, compressed or not; `usage` is that of all that are kept. Raises LayerFault."""
    listing: dict[str, ListedEntry] = {}
    with source.open("rb") as file:
        for entry, body in entries(decompressed(file, limits), limits, usage):
            digest = None
            if entry.kind is EntryKind.FILE:
                content = hashlib.sha256()
                for chunk in body.chunks():
                    content.update(chunk)
                digest = Digest(f"sha256:{content.hexdigest()}")
            listing.pop(entry.path, None)
            listing[entry.path] = ListedEntry(entry, digest)
    return listing


def listing_differences(where: str, before: Listing, after: Listing) -> Iterator[Difference]:
    """The paths that only one side has, the properties in which a path differs, and a different order."""
    for path in sorted({*before, *after}):
        yield from _entry_differences(where, path or "/", before.get(path), after.get(path))
    if before.keys() == after.keys():
        first = next((pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]), None)
        if first:
            yield Difference(where, "", "order of entries", *first)


def _entry_differences(
    where: str, path: str, before: ListedEntry | None, after: ListedEntry | None
) -> Iterator[Difference]:
    if before is None or after is None:
        old_kind, new_kind = (_kind(side) if side else None for side in (before, after))
        yield Difference(where, path, "presence", old_kind, new_kind)
        return
    old, new = before.entry, after.entry
    if old.kind is not new.kind:
        yield Difference(where, path, "kind", _kind(before), _kind(after))
    for field, (old_text, new_text) in {
        "mode": (f"{old.mode:04o}", f"{new.mode:04o}"),
        "owner": (f"{old.uid}:{old.gid}", f"{new.uid}:{new.gid}"),
        "time": (_time(old.mtime), _time(new.mtime)),
        "link target": (old.link, new.link),
        "device": (f"{old.major}:{old.minor}", f"{new.major}:{new.minor}"),
    }.items():
        if old_text != new_text:
            yield Difference(where, path, field, old_text, new_text)
    if old.kind is new.kind and before.digest != after.digest:
        yield Difference(where, path, "content", _content(before), _content(after))
    old_records, new_records = dict(old.records), dict(new.records)
    for key in sorted({*old_records, *new_records}):
        old_value, new_value = old_records.get(key), new_records.get(key)
        if old_value != new_value:
            yield Difference(where, path, key, _bytes(old_value), _bytes(new_value))


def _kind(listed: ListedEntry) -> str:
    if listed.entry.whiteout is not None or listed.entry.opaque is not None:
        return "whiteout"
    return listed.entry.kind.label


def _content(listed: ListedEntry) -> str:
    return f"{listed.entry.size} bytes, {listed.digest}"


def _time(nanoseconds: int) -> str:
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
