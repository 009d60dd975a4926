"""What stands where: kept from run to run, so that a run with nothing to do asks for next to nothing.

One artifact in the repository of builds holds, for the targets of a project, their records, and for each image tag
the index that was pushed, signed and tagged. It is a memory and no authority: what it says is used for the day it
was written on, every tag that people use is still asked for by name, and whatever differs takes the whole path. A
memory that is lost or cannot be read costs requests, nothing else; of two runs that write at once, the last one stays.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from pipeline.model import Descriptor, Digest, Repository
from pipeline.util.canonical_json import compact

from . import store
from .records import Record

if TYPE_CHECKING:
    from pipeline.registry import Registry

RUN_STATE_TYPE = "application/vnd.lockage.standing.v1+gzip"
_MOST = 256 * 1024 * 1024  # bytes unpacked


@dataclass(frozen=True, slots=True)
class PublishedTag:
    """One image tag in the first environment: its index over `children`, signed by a key (a digest of its public
    half; empty when nobody signed), and the tags that commits gave it for good."""

    children: tuple[Digest, ...]
    index: Digest
    signed_by: str = ""
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PublishedState:
    """What a run of a day left: records by key, and places by image tag (`repository:tag`)."""

    day: date
    records: Mapping[str, Record] = field(default_factory=dict)
    places: Mapping[str, PublishedTag] = field(default_factory=dict)

    def with_more(self, records: Mapping[str, Record], places: Mapping[str, PublishedTag]) -> PublishedState:
        """The same with these added, or in place of what was there."""
        return PublishedState(self.day, {**self.records, **records}, {**self.places, **places})

    def to_bytes(self) -> bytes:
        """The layer: canonical JSON in gzip, the same bytes for the same content."""
        data = {
            "format_version": 1,
            "day": self.day.isoformat(),
            "records": [_record(self.records[key]) for key in sorted(self.records)],
            "places": {name: _place(place) for name, place in sorted(self.places.items())},
        }
        return gzip.compress(compact(data), 6, mtime=0)

    @classmethod
    def from_bytes(cls, raw: bytes) -> PublishedState:
        """Read a layer; raises ValueError for anything else."""
        try:
            data = json.loads(_unpacked(raw))
            if data["format_version"] != 1:
                raise ValueError(f"standing format {data['format_version']!r}")
            records = [_record_of(one) for one in data["records"]]
            places = {str(name): _place_of(one) for name, one in data["places"].items()}
            return cls(date.fromisoformat(data["day"]), {r.key: r for r in records}, places)
        except (KeyError, TypeError, AttributeError, RecursionError, zlib.error, EOFError) as fault:
            raise ValueError(f"not a standing: {fault!r}") from None


class RunState:
    """What stood when this run began, and what it found since."""

    def __init__(self, before: PublishedState) -> None:
        self._before = before
        self._records: dict[str, Record] = {}
        self._places: dict[str, PublishedTag] = {}

    def record(self, key: str) -> Record | None:
        """What is known under a key."""
        return self._before.records.get(key)

    def place(self, name: str, children: Sequence[Digest]) -> PublishedTag | None:
        """Where an image tag stands, if it was made of exactly these children."""
        found = self._before.places.get(name)
        return found if found is not None and found.children == tuple(children) else None

    def note(self, record: Record) -> None:
        """Keep a record that was found or made."""
        self._records[record.key] = record

    def put(self, name: str, place: PublishedTag) -> None:
        """Keep where an image tag stands now."""
        self._places[name] = place

    async def save(self, registry: Registry, builds: Repository, project: str) -> bool:
        """Write what this run found, on top of what another may have written meanwhile; whether anything was."""
        if self._before.with_more(self._records, self._places) == self._before:
            return False
        now = await load_run_state(registry, builds, project, self._before.day)
        raw = now.with_more(self._records, self._places).to_bytes()
        await store.write(registry, builds, tag_of(project), RUN_STATE_TYPE, raw)
        return True


def tag_of(project: str) -> str:
    """The tag that a project's standing is kept under; several projects may share a repository of builds."""
    return f"standing-{hashlib.sha256(project.encode()).hexdigest()[:16]}"


async def load_run_state(registry: Registry, builds: Repository, project: str, day: date) -> PublishedState:
    """What stood when a run of this day last looked; an empty one when there is none, or none that can be read."""
    raw = await store.read(registry, builds, tag_of(project), RUN_STATE_TYPE)
    try:
        found = PublishedState.from_bytes(raw) if raw is not None else None
    except ValueError:
        found = None
    return found if found is not None and found.day == day else PublishedState(day)


def _unpacked(raw: bytes) -> bytes:
    unpack = zlib.decompressobj(wbits=31)
    out = unpack.decompress(raw, _MOST)
    if unpack.unconsumed_tail or not unpack.eof:
        raise ValueError("a standing that is too large, or cut off")
    return out


def _record(record: Record) -> dict[str, Any]:
    documents = {kind: one.to_oci() for kind, one in sorted(record.documents.items())}
    return {**record.to_json(), "documents": documents}


def _record_of(data: Mapping[str, Any]) -> Record:
    documents = {str(kind): Descriptor.from_oci(one) for kind, one in data["documents"].items()}
    return Record.from_json(data, documents)


def _place(place: PublishedTag) -> dict[str, Any]:
    return {
        "children": list(map(str, place.children)),
        "index": str(place.index),
        "signed_by": place.signed_by,
        "tags": sorted(place.tags),
    }


def _place_of(data: Mapping[str, Any]) -> PublishedTag:
    children = tuple(Digest(text) for text in data["children"])
    return PublishedTag(children, Digest(data["index"]), str(data["signed_by"]), _texts(data["tags"]))


def _texts(values: Iterable[Any]) -> frozenset[str]:
    return frozenset(str(value) for value in values)
