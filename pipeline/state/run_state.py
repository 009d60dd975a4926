"""The run state: what earlier runs of a day left, so that a run with nothing to do requests next to nothing.

One artifact in the repository of builds holds a project's records and, for each image tag, the index that was pushed,
signed and tagged. It is a cache, not an authority: it is used on the day it was written, every tag that people use is
still requested by name, and whatever differs goes through all stages. Losing it costs requests, nothing else. Of two
runs that write at once, the last one wins.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING

from pipeline.model import Descriptor, Digest, Repository
from pipeline.util.json.canonical import compact
from pipeline.util.json.values import as_list, as_object, as_text, as_texts, parse_json

from . import store
from .record import Record, digest_of_text, digest_text

if TYPE_CHECKING:
    from pipeline.registry import Registry

RUN_STATE_TYPE = "application/vnd.lockage.standing.v1+gzip"
_UNPACKED_LIMIT = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class PublishedTag:
    """One image tag in the first environment: its index over `children`, the fingerprint of the key that signed it
    (None for unsigned), the tags that its commits gave it for good, and where to look for its signature: a referrer in
    the same repository, None where none is known."""

    children: tuple[Digest, ...]
    index: Digest
    signed_by: Digest | None = None
    tags: frozenset[str] = frozenset()
    signature: Digest | None = None


@dataclass(frozen=True, slots=True)
class PublishedState:
    """What the runs of a day left: records by key, published tags by `repository:tag`."""

    day: date
    records: Mapping[str, Record] = field(default_factory=lambda: MappingProxyType({}))
    published: Mapping[str, PublishedTag] = field(default_factory=lambda: MappingProxyType({}))

    def updated(self, records: Mapping[str, Record], published: Mapping[str, PublishedTag]) -> PublishedState:
        """The state with these added or replaced."""
        return PublishedState(self.day, {**self.records, **records}, {**self.published, **published})

    def to_bytes(self) -> bytes:
        """The layer: canonical JSON in gzip, so that equal states are equal bytes."""
        data = {
            "format_version": 1,
            "day": self.day.isoformat(),
            "records": [_record_to_json(self.records[key]) for key in sorted(self.records)],
            "places": {name: _tag_to_json(tag) for name, tag in sorted(self.published.items())},
        }
        return gzip.compress(compact(data), 6, mtime=0)

    @classmethod
    def from_bytes(cls, raw: bytes) -> PublishedState:
        """Read a layer. Raises ValueError for anything else."""
        try:
            data = as_object(parse_json(_unpacked(raw)))
            if data["format_version"] != 1:
                raise ValueError(f"run state format {data['format_version']!r}")
            records = [_record_from_json(as_object(record)) for record in as_list(data["records"])]
            tags = {name: _tag_from_json(as_object(tag)) for name, tag in as_object(data["places"]).items()}
            return cls(date.fromisoformat(as_text(data["day"])), {r.key: r for r in records}, tags)
        except (KeyError, zlib.error, EOFError) as fault:
            raise ValueError(f"not a run state: {fault!r}") from None


class RunState:
    """The state when this run began, and what this run adds to it."""

    def __init__(self, before: PublishedState) -> None:
        self._before = before
        self._records: dict[str, Record] = {}
        self._published: dict[str, PublishedTag] = {}

    def record(self, key: str) -> Record | None:
        """The record of a key when this run began."""
        return self._before.records.get(key)

    def published(self, name: str, children: Sequence[Digest]) -> PublishedTag | None:
        """How an image tag was published when this run began, if with exactly these children."""
        tag = self._before.published.get(name)
        return tag if tag is not None and tag.children == tuple(children) else None

    def keep_record(self, record: Record) -> None:
        """Keep a record for later runs."""
        self._records[record.key] = record

    def keep_published(self, name: str, tag: PublishedTag) -> None:
        """Keep how an image tag is published now."""
        self._published[name] = tag

    async def save(self, registry: Registry, repository: Repository, project: str) -> bool:
        """Write what this run adds, onto what another run may have written meanwhile; False when it adds nothing."""
        if self._before.updated(self._records, self._published) == self._before:
            return False
        current = await load_run_state(registry, repository, project, self._before.day)
        raw = current.updated(self._records, self._published).to_bytes()
        await store.write(registry, repository, tag_of(project), RUN_STATE_TYPE, raw)
        return True


def tag_of(project: str) -> str:
    """The tag of a project's run state; several projects may share a repository of builds."""
    return f"standing-{hashlib.sha256(project.encode()).hexdigest()[:16]}"


async def load_run_state(
    registry: Registry, repository: Repository, project: str, day: date
) -> PublishedState:
    """The state that the last run of this day wrote; an empty one when there is none, or none that can be read."""
    raw = await store.read(registry, repository, tag_of(project), RUN_STATE_TYPE)
    try:
        state = PublishedState.from_bytes(raw) if raw is not None else None
    except ValueError:
        state = None
    return state if state is not None and state.day == day else PublishedState(day)


def _unpacked(raw: bytes) -> bytes:
    decompressor = zlib.decompressobj(wbits=31)
    unpacked = decompressor.decompress(raw, _UNPACKED_LIMIT)
    if decompressor.unconsumed_tail or not decompressor.eof:
        raise ValueError("a run state that is too large, or cut off")
    return unpacked


def _record_to_json(record: Record) -> dict[str, object]:
    documents = {kind: document.to_oci() for kind, document in sorted(record.documents.items())}
    return {**record.to_json(), "documents": documents}


def _record_from_json(data: Mapping[str, object]) -> Record:
    documents = {kind: Descriptor.from_oci(layer) for kind, layer in as_object(data["documents"]).items()}
    return Record.from_json(data, documents)


def _tag_to_json(tag: PublishedTag) -> dict[str, object]:
    return {
        "children": list(map(str, tag.children)),
        "index": str(tag.index),
        "signed_by": digest_text(tag.signed_by),
        "tags": sorted(tag.tags),
        **({"signature": str(tag.signature)} if tag.signature else {}),
    }


def _tag_from_json(data: Mapping[str, object]) -> PublishedTag:
    return PublishedTag(
        tuple(Digest(text) for text in as_texts(data["children"])),
        Digest(as_text(data["index"])),
        digest_of_text(as_text(data["signed_by"])),
        frozenset(as_texts(data["tags"])),
        digest_of_text(as_text(data.get("signature", ""))),
    )
