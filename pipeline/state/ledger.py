"""The ledger of an environment: a signed log of every change of the tags that people use, and where they were left.

Its newest entry is an artifact in the repository of builds, signed as everything there is, which holds where Lockage
left each tag; the entries before it are further layers, each bound to the one before by its digest, so that nobody can
take one out. An entry is written before the tags move, and again once they have: a move that was interrupted is known.
Reading where the tags were left takes one request for each trusted key; a run that moves nothing does not read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from functools import partial
from types import MappingProxyType

from pipeline.errors import UsageError
from pipeline.model import Descriptor, Digest
from pipeline.policy.tag_moves import TagPosition
from pipeline.util.dataclass import dataclass
from pipeline.util.json.canonical import compact
from pipeline.util.json.values import as_list, as_object, as_text, as_text_mapping, as_texts, parse_json

from .record import digest_of_text, digest_text
from .signers import Binding
from .store import ContentKind, Store

LEDGER_TYPE = "application/vnd.lockage.ledger.v1+json"
LEDGER_STATEMENT = "https://lockage.org/statement/ledger/v1"
_KIND = ContentKind(LEDGER_TYPE, embeds=True, limit=64 * 1024 * 1024)


@dataclass(frozen=True, slots=True)
class TagChange:
    """One tag of an image that moved; `before` is None for a new one, `after` for one that was deleted. `version` is
    what it names now. Without a tag, it is a manifest that was deleted."""

    image: str
    tag: str
    before: Digest | None
    after: Digest | None
    version: str = ""

    @property
    def name(self) -> str:
        """`image:tag`, or `image@digest` for a manifest without one."""
        return f"{self.image}:{self.tag}" if self.tag else f"{self.image}@{self.before}"

    def to_json(self) -> dict[str, object]:
        """As plain data."""
        return {
            "image": self.image,
            "tag": self.tag,
            "from": digest_text(self.before) or None,
            "to": digest_text(self.after) or None,
            "version": self.version,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> TagChange:
        """Read what `to_json` wrote. Raises ValueError, KeyError."""
        before, after = (
            Digest(as_text(data[end])) if data[end] is not None else None for end in ("from", "to")
        )
        return cls(
            as_text(data["image"]),
            as_text(data["tag"]),
            before,
            after,
            as_text(data["version"]),
        )


@dataclass(frozen=True, slots=True)
class Act:
    """Who changes tags, when (RFC 3339), by which command, from which commit and for which reason; of a saved plan that
    is applied, its digest, and who approved it."""

    command: str
    author: str = ""
    time: str = ""
    commit: str = ""
    reason: str = ""
    plan: str = ""
    approvers: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """As plain data."""
        return {
            "command": self.command,
            "author": self.author,
            "time": self.time,
            "commit": self.commit,
            "reason": self.reason,
            **({"plan": self.plan} if self.plan else {}),
            **({"approvers": list(self.approvers)} if self.approvers else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Act:
        """Read what `to_json` wrote. Raises ValueError, KeyError."""
        return cls(
            as_text(data["command"]),
            as_text(data["author"]),
            as_text(data["time"]),
            as_text(data["commit"]),
            as_text(data["reason"]),
            as_text(data.get("plan", "")),
            as_texts(data.get("approvers", [])),
        )


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One entry: what changed, by what act, and where every tag of the environment was left then.

    `pins` are the reasons for which images stay where they are. `previous` is the digest of the entry before it.
    An entry that is not `complete` was written before its tags moved.
    """

    environment: str
    sequence: int
    act: Act
    changes: tuple[TagChange, ...]
    tags: Mapping[str, TagPosition] = field(default_factory=lambda: MappingProxyType({}))
    pins: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    previous: Digest | None = None
    complete: bool = True

    def to_bytes(self) -> bytes:
        """The layer: canonical JSON."""
        return compact(
            {
                "format_version": 1,
                **self.to_json(),
                "tags": {name: _position_to_json(self.tags[name]) for name in sorted(self.tags)},
                "pins": dict(sorted(self.pins.items())),
            }
        )

    def to_json(self) -> dict[str, object]:
        """The entry as data, without where all tags were left."""
        return {
            "environment": self.environment,
            "sequence": self.sequence,
            **self.act.to_json(),
            "changes": [change.to_json() for change in self.changes],
            "previous": digest_text(self.previous),
            "complete": self.complete,
        }

    @classmethod
    def from_bytes(cls, raw: bytes) -> LedgerEntry:
        """Read a layer. Raises ValueError for anything else."""
        data = as_object(parse_json(raw))
        if data.get("format_version") != 1:
            raise ValueError(f"ledger format {data.get('format_version')!r}")
        try:
            sequence = data["sequence"]
            if not isinstance(sequence, int) or sequence < 1:
                raise ValueError("its sequence is no number")
            return cls(
                as_text(data["environment"]),
                sequence,
                Act.from_json(data),
                tuple(TagChange.from_json(as_object(change)) for change in as_list(data["changes"])),
                {name: _position_from_json(as_object(p)) for name, p in as_object(data["tags"]).items()},
                as_text_mapping(data["pins"]),
                digest_of_text(as_text(data["previous"])),
                data["complete"] is True,
            )
        except KeyError as fault:
            raise ValueError(f"not an entry of a ledger: {fault!r}") from None


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger of one environment as it was read: the newest entry, None for an empty one, where each tag was left,
    and the layers with the entries, the newest first. `others` are the newest entries of other keys."""

    environment: str
    newest: LedgerEntry | None = None
    tags: Mapping[str, TagPosition] = field(default_factory=lambda: MappingProxyType({}))
    pins: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    layers: tuple[Descriptor, ...] = ()
    others: tuple[Digest, ...] = ()

    def left(self, image: str, tag: str) -> TagPosition | None:
        """Where a tag was left; None when it was never written."""
        return self.tags.get(f"{image}:{tag}")

    def next(
        self, act: Act, changes: Sequence[TagChange], pins: Mapping[str, str] | None = None
    ) -> LedgerEntry:
        """The entry to write before these tags move."""
        pending = {
            change.name: TagPosition(change.after, change.version, change.before, pending=True)
            for change in changes
            if change.tag
        }
        return LedgerEntry(
            self.environment,
            self.newest.sequence + 1 if self.newest else 1,
            act,
            tuple(changes),
            {**self.tags, **pending},
            self.pins if pins is None else pins,
            self.layers[0].digest if self.layers else None,
            complete=False,
        )


def completed(entry: LedgerEntry, moved: Iterable[str]) -> LedgerEntry:
    """An entry once the tags with these names have moved; the others may have, or not. Those that were deleted are
    known no more."""
    done = set(moved)
    tags = {
        name: TagPosition(position.digest, position.version) if name in done else position
        for name, position in entry.tags.items()
        if name not in done or position.digest is not None
    }
    return replace(entry, tags=tags, complete=all(change.name in done for change in entry.changes))


async def load_ledger(store: Store, environment: str) -> Ledger:
    """The ledger of an environment as the trusted keys wrote it; an empty one when there is none that can be believed.

    Each key has its own; an entry continues the newest of all. Raises RegistryError.
    """
    stored_entries: list[tuple[LedgerEntry, tuple[Descriptor, ...]]] = []
    for key in store.signers.trusted:
        tag = partial(tag_in, environment=environment)
        stored = await store.read_artifact(_KIND, _binding(environment), tag, key)
        if stored is None:
            continue
        try:
            entry = LedgerEntry.from_bytes(stored.content)
            if entry.environment != environment:
                raise ValueError(f"it is of the environment {entry.environment[:100]}")
        except (ValueError, TypeError) as fault:
            store.distrust(tag(store.signers.space(key)), str(fault))
            continue
        stored_entries.append((entry, stored.layers))
    if not stored_entries:
        return Ledger(environment)
    stored_entries.sort(key=lambda one: one[0].sequence)
    tags = {name: position for entry, _ in stored_entries for name, position in entry.tags.items()}
    newest, layers = stored_entries[-1]
    others = tuple(layers[0].digest for _, layers in stored_entries[:-1])
    return Ledger(environment, newest, tags, newest.pins, layers, others)


async def write_entry(store: Store, ledger: Ledger, entry: LedgerEntry) -> None:
    """Sign and write an entry on a ledger as it was read.

    Raises UsageError without a key to sign with, RegistryError.
    """
    tag = partial(tag_in, environment=entry.environment)
    binding = _binding(entry.environment)
    if not await store.write(_KIND, binding, tag, entry.to_bytes(), layers=ledger.layers):
        raise UsageError(
            f"changes of {entry.environment} are recorded, and there is no private key to sign the record with",
            hint="set COSIGN_PRIVATE_KEY and COSIGN_PASSWORD",
        )


def tag_in(space: str, environment: str) -> str:
    """The tag of an environment's ledger in a signer's space."""
    return f"ledger-{hashlib.sha256(environment.encode()).hexdigest()[:12]}-{space}"


def _binding(environment: str) -> Binding:
    return Binding(LEDGER_STATEMENT, environment)


def _position_to_json(position: TagPosition) -> dict[str, object]:
    data: dict[str, object] = {"digest": digest_text(position.digest), "version": position.version}
    if position.pending:
        data |= {"pending": True, "before": digest_text(position.before)}
    return data


def _position_from_json(data: Mapping[str, object]) -> TagPosition:
    return TagPosition(
        digest_of_text(as_text(data["digest"])),
        as_text(data["version"]),
        digest_of_text(as_text(data.get("before", ""))),
        data.get("pending") is True,
    )
