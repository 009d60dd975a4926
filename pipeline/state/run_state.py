"""The run state: what earlier runs of a day left, so that a run with nothing to do requests next to nothing.

One artifact in the repository of builds holds a project's records and, for each image tag, the index that was pushed,
signed and tagged. It is signed itself, and believed on the day it was written; every tag that people use is still
requested by name, and whatever differs goes through all stages. Losing it costs requests, nothing else. Of two runs
that write at once, the last one wins.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import date
from types import MappingProxyType

from pipeline.model import Digest
from pipeline.util.dataclass import dataclass
from pipeline.util.json.canonical import compact
from pipeline.util.json.values import as_list, as_object, as_text, as_texts, parse_json

from .record import Record, digest_of_text, digest_text
from .signers import Binding
from .store import ContentKind, Store

RUN_STATE_TYPE = "application/vnd.lockage.standing.v1+gzip"
RUN_STATE_STATEMENT = "https://lockage.org/statement/run-state/v1"
_KIND = ContentKind(RUN_STATE_TYPE)
_UNPACKED_LIMIT = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class PublishedTag:
    """One image tag in the first environment: its index over `children`, the fingerprint of the key that signed it
    (None for unsigned), the tags that its commits gave it for good, and where to look for its signature: a referrer in
    the same repository, None where none is known. `adjusted` are the tags of environments, as references, that rules
    made differ from the plan's: what they name (None: they do not exist), and why."""

    children: tuple[Digest, ...]
    index: Digest
    signed_by: Digest | None = None
    tags: frozenset[str] = frozenset()
    signature: Digest | None = None
    adjusted: Mapping[str, tuple[Digest | None, str]] = field(
        default_factory=lambda: MappingProxyType({}), hash=False
    )


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
            "records": [self.records[key].to_stored() for key in sorted(self.records)],
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
            records = [Record.from_stored(record) for record in as_list(data["records"])]
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

    async def save(self, store: Store) -> bool:
        """Write what this run adds, onto what another run may have written meanwhile; False when it adds nothing, or
        has no key to sign with."""
        if self._before.updated(self._records, self._published) == self._before or not store.signers.signs:
            return False
        current = await load_run_state(store, self._before.day)
        raw = current.updated(self._records, self._published).to_bytes()
        return await store.write(_KIND, _binding(store), tag_in, raw)


def tag_in(space: str) -> str:
    """The tag of the run state in a key's space: of one project and one key."""
    return f"standing-{space}"


async def load_run_state(store: Store, day: date) -> PublishedState:
    """The state that the last run of this day with the same key wrote; an empty one when there is none, or none that
    can be believed. That of other keys is never read: it holds records that only they may trust."""
    key = store.signers.own
    raw = await store.read(_KIND, _binding(store), tag_in, key) if key else None
    try:
        state = PublishedState.from_bytes(raw) if raw is not None else None
    except ValueError:
        state = None
    return state if state is not None and state.day == day else PublishedState(day)


def _binding(store: Store) -> Binding:
    return Binding(RUN_STATE_STATEMENT, store.signers.project)


def _unpacked(raw: bytes) -> bytes:
    decompressor = zlib.decompressobj(wbits=31)
    unpacked = decompressor.decompress(raw, _UNPACKED_LIMIT)
    if decompressor.unconsumed_tail or not decompressor.eof:
        raise ValueError("a run state that is too large, or cut off")
    return unpacked


def _tag_to_json(tag: PublishedTag) -> dict[str, object]:
    return {
        "children": list(map(str, tag.children)),
        "index": str(tag.index),
        "signed_by": digest_text(tag.signed_by),
        "tags": sorted(tag.tags),
        **({"signature": str(tag.signature)} if tag.signature else {}),
        **({"adjusted": _adjusted_to_json(tag.adjusted)} if tag.adjusted else {}),
    }


def _tag_from_json(data: Mapping[str, object]) -> PublishedTag:
    return PublishedTag(
        tuple(Digest(text) for text in as_texts(data["children"])),
        Digest(as_text(data["index"])),
        digest_of_text(as_text(data["signed_by"])),
        frozenset(as_texts(data["tags"])),
        digest_of_text(as_text(data.get("signature", ""))),
        {
            reference: (digest_of_text(digest), reason)
            for reference, entry in as_object(data.get("adjusted", {})).items()
            for digest, reason in [as_texts(entry)]
        },
    )


def _adjusted_to_json(tags: Mapping[str, tuple[Digest | None, str]]) -> dict[str, list[str]]:
    return {reference: [digest_text(digest), reason] for reference, (digest, reason) in sorted(tags.items())}
