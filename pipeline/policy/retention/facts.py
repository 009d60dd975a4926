"""What is known of a repository when retention decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType

from pipeline.model import Digest
from pipeline.util.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Node:
    """A manifest: the children of an index, and what it is attached to (its `subject`, or by a fallback tag)."""

    digest: Digest
    children: tuple[Digest, ...] = ()
    subjects: frozenset[Digest] = frozenset()


@dataclass(frozen=True, slots=True)
class TagVerdict:
    """Whether the rules keep a tag, why, and its date in seconds since 1970."""

    tag: str
    digest: Digest
    keep: bool
    reason: str
    date: int = 0


@dataclass(frozen=True, slots=True)
class RepositoryFacts:
    """One repository as it was read.

    `attached` are tags that list or hold what is attached to a digest (`sha256-…`, `sha256-….sig`); they live as long
    as that. `gone` are digests that others refer to and the registry does not have. `needed` says why a digest is kept
    that no tag names. `condemned` is what an interrupted run was deleting, `untagged` what has been without a tag for
    too long, each with its date.
    """

    tags: Mapping[str, Digest]
    nodes: Mapping[Digest, Node]
    attached: Mapping[str, Digest] = field(default_factory=lambda: MappingProxyType({}))
    gone: frozenset[Digest] = frozenset()
    needed: Mapping[Digest, str] = field(default_factory=lambda: MappingProxyType({}))
    condemned: frozenset[Digest] = frozenset()
    untagged: Mapping[Digest, int] = field(default_factory=lambda: MappingProxyType({}))
