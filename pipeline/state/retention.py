"""What retention knows of a repository from earlier runs: since when tags are where they are, and the manifests.

It is an artifact in the repository of builds, signed as everything there is. No registry says since when a tag is where
it is, nor lists manifests without a tag. Without it, ages count from today, and more is requested.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import field
from functools import partial
from types import MappingProxyType

from pipeline.errors import UsageError
from pipeline.model import Digest, Repository
from pipeline.policy.retention.facts import Node
from pipeline.util.dataclass import dataclass
from pipeline.util.json.canonical import compact
from pipeline.util.json.values import as_integer, as_list, as_object, as_texts, parse_json

from .signers import Binding
from .store import ContentKind, Store

RETENTION_TYPE = "application/vnd.lockage.retention.v1+gzip"
RETENTION_STATEMENT = "https://lockage.org/statement/retention/v1"
_KIND = ContentKind(RETENTION_TYPE)
_UNPACKED_LIMIT = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SeenTag:
    """A tag at the digest that it named last, and when it was first seen there, in seconds since 1970."""

    digest: Digest
    since: int


def _nothing() -> Mapping[Digest, int]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class RetentionMemory:
    """What is known of one repository. Times are in seconds since 1970.

    `attached` are the tags that list or hold what is attached to a digest. `untagged` says since when no tag needs a
    manifest, `created` when an image says that it was created, `planned` when a key was planned last. `condemned` is
    what the last run began to delete; empty once it was done.
    """

    time: int = 0
    tags: Mapping[str, SeenTag] = field(default_factory=lambda: MappingProxyType({}))
    nodes: Mapping[Digest, Node] = field(default_factory=lambda: MappingProxyType({}))
    attached: Mapping[str, Digest] = field(default_factory=lambda: MappingProxyType({}))
    untagged: Mapping[Digest, int] = field(default_factory=_nothing)
    created: Mapping[Digest, int] = field(default_factory=_nothing)
    planned: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    condemned: frozenset[Digest] = frozenset()

    def to_bytes(self) -> bytes:
        """The layer: canonical JSON in gzip. Manifests are numbered, so that each digest is written once."""
        digests = sorted(
            {
                *(tag.digest for tag in self.tags.values()),
                *(d for node in self.nodes.values() for d in (node.digest, *node.children, *node.subjects)),
                *self.attached.values(),
                *self.untagged,
                *self.created,
                *self.condemned,
            }
        )
        number = {digest: n for n, digest in enumerate(digests)}
        data = {
            "format_version": 1,
            "time": self.time,
            "digests": list(map(str, digests)),
            "tags": {name: [number[tag.digest], tag.since] for name, tag in self.tags.items()},
            "nodes": [
                [number[n.digest], [number[c] for c in n.children], sorted(number[s] for s in n.subjects)]
                for n in sorted(self.nodes.values(), key=lambda node: node.digest)
            ],
            "attached": {name: number[digest] for name, digest in self.attached.items()},
            "untagged": [[number[digest], time] for digest, time in sorted(self.untagged.items())],
            "created": [[number[digest], time] for digest, time in sorted(self.created.items())],
            "planned": dict(self.planned),
            "condemned": sorted(number[digest] for digest in self.condemned),
        }
        return gzip.compress(compact(data), 6, mtime=0)

    @classmethod
    def from_bytes(cls, raw: bytes) -> RetentionMemory:
        """Read a layer. Raises ValueError for anything else."""
        try:
            data = as_object(parse_json(_unpacked(raw)))
            if data["format_version"] != 1:
                raise ValueError(f"format {data['format_version']!r} of what retention knows")
            digests = [Digest(text) for text in as_texts(data["digests"])]
            nodes = [_node(digests, as_list(entry)) for entry in as_list(data["nodes"])]
            seen = {name: _numbers(entry) for name, entry in as_object(data["tags"]).items()}
            return cls(
                as_integer(data["time"]),
                {name: SeenTag(digests[number], since) for name, (number, since) in seen.items()},
                {node.digest: node for node in nodes},
                {name: digests[as_integer(n)] for name, n in as_object(data["attached"]).items()},
                {digests[n]: time for n, time in map(_numbers, as_list(data["untagged"]))},
                {digests[n]: time for n, time in map(_numbers, as_list(data["created"]))},
                {key: as_integer(time) for key, time in as_object(data["planned"]).items()},
                frozenset(digests[as_integer(n)] for n in as_list(data["condemned"])),
            )
        except (KeyError, IndexError, TypeError, zlib.error, EOFError) as fault:
            raise ValueError(f"not what retention knows: {fault!r}") from None


def _node(digests: list[Digest], entry: list[object] | tuple[object, ...]) -> Node:
    number, children, subjects = entry
    return Node(
        digests[as_integer(number)],
        tuple(digests[as_integer(n)] for n in as_list(children)),
        frozenset(digests[as_integer(n)] for n in as_list(subjects)),
    )


def _numbers(entry: object) -> tuple[int, int]:
    first, second = map(as_integer, as_list(entry))
    return first, second


def _unpacked(raw: bytes) -> bytes:
    decompressor = zlib.decompressobj(wbits=31)
    unpacked = decompressor.decompress(raw, _UNPACKED_LIMIT)
    if decompressor.unconsumed_tail or not decompressor.eof:
        raise ValueError("what retention knows is too large, or cut off")
    return unpacked


async def load_memory(store: Store, repository: Repository) -> RetentionMemory:
    """What the newest run with a trusted key knew of a repository; nothing where there is none that can be believed.

    Raises RegistryError.
    """
    newest = RetentionMemory()
    for key in store.signers.trusted:
        tag = partial(tag_in, repository=repository)
        raw = await store.read(_KIND, _binding(repository), tag, key)
        if raw is None:
            continue
        try:
            memory = RetentionMemory.from_bytes(raw)
        except ValueError as fault:
            store.distrust(tag(store.signers.space(key)), str(fault))
            continue
        if memory.time > newest.time:
            newest = memory
    return newest


async def save_memory(store: Store, repository: Repository, memory: RetentionMemory) -> None:
    """Sign and store what is known of a repository. Raises UsageError without a key to sign with, RegistryError."""
    tag = partial(tag_in, repository=repository)
    if not await store.write(_KIND, _binding(repository), tag, memory.to_bytes()):
        raise UsageError(
            "deletions are recorded, and there is no private key to sign the record with",
            hint="set COSIGN_PRIVATE_KEY and COSIGN_PASSWORD",
        )


def tag_in(space: str, repository: Repository) -> str:
    """The tag of what is known of a repository in a signer's space."""
    return f"retention-{hashlib.sha256(str(repository).encode()).hexdigest()[:12]}-{space}"


def _binding(repository: Repository) -> Binding:
    return Binding(RETENTION_STATEMENT, str(repository))
