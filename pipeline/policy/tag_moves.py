"""What becomes of each tag of an image tag in an environment, from where it is, where Lockage left it, and the rules.

Rolling tags only move forward, immutable ones never; a tag that somebody else moved is left alone. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from pipeline.model import Digest
from pipeline.model.tag_rules import TagRules
from pipeline.util.dataclass import dataclass

from .version_order import is_older

NOT_OURS = "not ours"


@dataclass(frozen=True, slots=True)
class TagPosition:
    """Where Lockage left a tag, and the version that it names there.

    A `pending` move may not have been completed: then the tag may still be at `before`.
    """

    digest: Digest | None
    version: str = ""
    before: Digest | None = None
    pending: bool = False

    def is_at(self, digest: Digest | None) -> bool:
        """Whether Lockage left the tag at this digest."""
        return digest == self.digest or (self.pending and digest == self.before)


@dataclass(frozen=True, slots=True)
class TagState:
    """A tag as the registry has it, None when it does not exist, and where Lockage left it; None when it never wrote
    it."""

    now: Digest | None
    left: TagPosition | None = None

    @property
    def is_ours(self) -> bool:
        """Whether the tag is where Lockage left it, or is nowhere and was never written."""
        return self.left.is_at(self.now) if self.left else self.now is None

    @property
    def written(self) -> Digest | None:
        """What the tag was written to, whoever deleted or moved it since; None when it never was."""
        if self.left is None or (self.left.pending and self.is_ours):
            return self.now
        return self.left.digest


@dataclass(frozen=True, slots=True)
class WantedTags:
    """The digest of a version and its tags, its own first; the others roll. A `release` never moves its own."""

    digest: Digest
    version: str
    tags: tuple[str, ...]
    release: bool = False


@dataclass(frozen=True, slots=True)
class Permissions:
    """What a caller allows beyond the rules: `force` overwrites what others moved, `backwards` is the reason for which
    rolling tags may go back to an older version, `pinned` the reason for which nothing moves."""

    force: bool = False
    backwards: str = ""
    pinned: str = ""


NOTHING_ALLOWED = Permissions()


class TagAction(StrEnum):
    """What becomes of a tag."""

    IN_PLACE = "in place"
    MOVE = "move"
    KEEP = "keep"  # as the rules say; the others are written
    REFUSE = "refuse"  # nothing is written


@dataclass(frozen=True, slots=True)
class TagDecision:
    """What becomes of one tag, and why it is not moved."""

    tag: str
    action: TagAction
    state: TagState
    reason: str = ""

    @property
    def drifted(self) -> bool:
        """Whether it is refused because somebody else moved it."""
        return self.action is TagAction.REFUSE and self.reason == NOT_OURS


def decide(
    wanted: WantedTags,
    states: Mapping[str, TagState],
    rules: TagRules,
    permissions: Permissions = NOTHING_ALLOWED,
) -> tuple[TagDecision, ...]:
    """What becomes of every tag in `states`: those of `wanted`, and the revision that `revision_tag` gave."""
    return tuple(_decide(wanted, tag, state, rules, permissions) for tag, state in states.items())


def _decide(
    wanted: WantedTags, tag: str, state: TagState, rules: TagRules, permissions: Permissions
) -> TagDecision:
    if state.now == wanted.digest:
        return TagDecision(tag, TagAction.IN_PLACE, state)
    if permissions.pinned:
        return TagDecision(tag, TagAction.KEEP, state, permissions.pinned)
    if not state.is_ours and not permissions.force:
        return TagDecision(tag, TagAction.REFUSE, state, NOT_OURS)
    if state.written not in (None, wanted.digest):
        if is_revised(wanted, tag, rules):
            return TagDecision(
                tag, TagAction.KEEP, state, "built again: the revision beside it is the new one"
            )
        if reason := _fixed(wanted, tag, rules):
            return TagDecision(tag, TagAction.REFUSE, state, reason)
    held = state.left.version if state.left and state.is_ours else ""
    if tag != wanted.version and held and is_older(wanted.version, held) and not permissions.backwards:
        return TagDecision(tag, TagAction.KEEP, state, f"{held} is newer than {wanted.version}")
    return TagDecision(tag, TagAction.MOVE, state)


def is_revised(wanted: WantedTags, tag: str, rules: TagRules) -> bool:
    """Whether a tag stays where it is because what is built again gets a revision."""
    return tag == wanted.version and rules.rebuilt == "revision" and not wanted.release


def revision_tag(version: str, digest: Digest, known: Mapping[str, Digest | None]) -> str:
    """The tag of a version that was built again: `3.11.2-r2`, the first that is free or names the digest already.

    `known` are the tags that exist, those without a digest do not.
    """
    number = 2
    while known.get(tag := f"{version}-r{number}") not in (None, digest):
        number += 1
    return tag


def _fixed(wanted: WantedTags, tag: str, rules: TagRules) -> str:
    """Why a tag is never moved; empty if it may be."""
    if rules.is_immutable(tag):
        return "immutable by the environment's patterns"
    if tag != wanted.version:
        return ""
    if wanted.release:
        return "a release never moves"
    return "the environment refuses rebuilt versions" if rules.rebuilt == "refuse" else ""


def refused(decisions: Sequence[TagDecision]) -> tuple[TagDecision, ...]:
    """Those that keep everything from being written."""
    return tuple(decision for decision in decisions if decision.action is TagAction.REFUSE)
