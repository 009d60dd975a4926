"""Which tags of the repository of builds stay: what is planned, what was planned lately, what never goes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType

from pipeline.model import Digest
from pipeline.util.dataclass import dataclass

from .facts import TagVerdict
from .tags import DAY

_KEY = re.compile(r"([0-9a-f]{64})(?:-.*)?")
_LAST = re.compile(r"last-.*-[0-9a-f]{12}-[0-9a-f]{12}")
_STATE = re.compile(r"standing-([0-9a-f]{12})")
_LASTING = re.compile(r"(?:ledger|retention)-[0-9a-f]{12}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class BuildsFacts:
    """What decides about the tags of the repository of builds.

    `planned` are the keys of the plan at hand, `last` the tags with the last inputs of its targets, `states` the tags
    of run states that trusted keys write. `seen` is when a key was last planned, `dates` when a tag was first seen at
    its digest, in seconds since 1970; a tag without a date is new.
    """

    tags: Mapping[str, Digest]
    now: int
    unplanned: int
    planned: frozenset[str]
    last: frozenset[str] = frozenset()
    states: frozenset[str] = frozenset()
    seen: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    dates: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    kept: frozenset[str] = frozenset()


def key_of(tag: str) -> str | None:
    """The key that a tag of the repository of builds belongs to: the image's own, its record's, its attestations'."""
    match = _KEY.fullmatch(tag)
    return match[1] if match else None


def judge_builds(facts: BuildsFacts) -> tuple[TagVerdict, ...]:
    """The verdict on every tag, in the order of their names. All tags of a key stay or go together."""
    newest: dict[str, int] = {}
    for tag in facts.tags:
        if key := key_of(tag):
            date = max(facts.dates.get(tag, facts.now), facts.seen.get(key, 0))
            newest[key] = max(newest.get(key, 0), date)
    return tuple(_judge(facts, tag, newest) for tag in sorted(facts.tags))


def _judge(facts: BuildsFacts, tag: str, newest: Mapping[str, int]) -> TagVerdict:
    key, digest = key_of(tag), facts.tags[tag]
    date = newest[key] if key else facts.dates.get(tag, facts.now)
    reason = _kept(facts, tag, key, digest)
    if reason:
        return TagVerdict(tag, digest, True, reason, date)
    what = "its key" if key else "its target" if _LAST.fullmatch(tag) else "its run state"
    age = (facts.now - date) // DAY
    if age < facts.unplanned:
        return TagVerdict(
            tag, digest, True, f"{what} was in use {max(age, 0)} of {facts.unplanned} days ago", date
        )
    return TagVerdict(
        tag, digest, False, f"{what} is in no plan for {age} days, {facts.unplanned} are kept", date
    )


def _kept(facts: BuildsFacts, tag: str, key: str | None, digest: Digest) -> str:
    if {tag, str(digest)} & facts.kept:
        return "keep: of retention lists it"
    if key:
        return "its key is planned" if key in facts.planned else ""
    if _LASTING.fullmatch(tag):
        return "ledgers and what retention knows always stay"
    if _LAST.fullmatch(tag):
        return "its target is planned" if tag in facts.last else ""
    if _STATE.fullmatch(tag):
        return "a trusted key writes it" if tag in facts.states else ""
    return "not one of Lockage's own"
