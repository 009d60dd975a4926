"""From verdicts on tags to what is deleted, in order, and no more than a run may delete."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pipeline.model import Digest
from pipeline.util.dataclass import dataclass

from .actions import Action
from .facts import RepositoryFacts, TagVerdict
from .graph import Marks, mark

INTERRUPTED = "an interrupted run was deleting it"
UNTAGGED = "no tag needs it"
ORPHANED = "what it is attached to is gone"
SHARED = "its manifest stays, and the registry deletes no single tags"
LIMITED = "left to the next run by the limit"


@dataclass(frozen=True, slots=True)
class Decision:
    """`kept` are the tags that stay, with reasons; `actions` is what goes, in order: tags, then manifests, parents
    first. `left` is how much more would go, beyond the limit."""

    kept: tuple[TagVerdict, ...]
    actions: tuple[Action, ...]
    left: int = 0

    @property
    def empties(self) -> bool:
        """Whether no tag would be left of those that there are."""
        return not self.kept and any(action.tag for action in self.actions)

    def whole_versions(self) -> Decision:
        """The same for a registry that deletes no tag without its manifest: such tags stay."""
        manifests = {action.digest for action in self.actions if not action.tag}
        single = [action for action in self.actions if action.tag and action.digest not in manifests]
        stays = [TagVerdict(a.tag, a.digest, True, f"{a.reason}; {SHARED}") for a in single]
        left = tuple(action for action in self.actions if action not in single)
        return replace(self, kept=(*self.kept, *stays), actions=left)


@dataclass(frozen=True, slots=True)
class _Root:
    """A digest that nothing but expired tags, or nothing at all, keeps; and why it goes."""

    digest: Digest
    reason: str
    date: int


def decide(facts: RepositoryFacts, verdicts: Sequence[TagVerdict], limit: int) -> Decision:
    """What is deleted of a repository; the oldest first, where it is more than the limit.

    `verdicts` are those on all tags that are not attached to something.
    """
    roots = _roots(facts, verdicts)
    everything = _decide(facts, verdicts, roots)
    if len(everything.actions) <= limit:
        return everything
    low, high = 0, len(roots)
    while low < high:  # the largest number of roots whose deletion is within the limit
        middle = (low + high + 1) // 2
        if len(_decide(facts, verdicts, roots[:middle]).actions) <= limit:
            low = middle
        else:
            high = middle - 1
    within = _decide(facts, verdicts, roots[:low])
    actions = within.actions[:limit]  # more are only tags of what is gone, each by itself
    return replace(within, actions=actions, left=len(everything.actions) - len(actions))


def _roots(facts: RepositoryFacts, verdicts: Iterable[TagVerdict]) -> list[_Root]:
    roots = {digest: _Root(digest, INTERRUPTED, 0) for digest in sorted(facts.condemned)}
    expired: dict[Digest, list[TagVerdict]] = {}
    for verdict in verdicts:
        if not verdict.keep:
            expired.setdefault(verdict.digest, []).append(verdict)
    for digest, of_digest in expired.items():
        roots.setdefault(digest, _Root(digest, of_digest[0].reason, max(v.date for v in of_digest)))
    for digest, date in facts.untagged.items():
        roots.setdefault(digest, _Root(digest, UNTAGGED, date))
    for digest in _orphans(facts):
        roots.setdefault(digest, _Root(digest, ORPHANED, 0))
    return sorted(roots.values(), key=lambda root: (root.date, root.digest))


def _orphans(facts: RepositoryFacts) -> set[Digest]:
    """What was attached to digests that are gone, and to nothing else."""
    subjects: dict[Digest, set[Digest]] = {}
    for tag, subject in facts.attached.items():
        subjects.setdefault(facts.tags[tag], set()).add(subject)
    for node in facts.nodes.values():
        if node.subjects:
            subjects.setdefault(node.digest, set()).update(node.subjects)
    return {digest for digest, of in subjects.items() if of <= facts.gone}


def _decide(facts: RepositoryFacts, verdicts: Sequence[TagVerdict], roots: Sequence[_Root]) -> Decision:
    going = {root.digest: root for root in roots}
    expired = [v for v in verdicts if not v.keep and v.digest in going]
    kept = [
        v if v.keep else replace(v, keep=True, reason=LIMITED)
        for v in verdicts
        if v.keep or v.digest not in going
    ]
    marks = mark(facts, (v.digest for v in kept), going)
    lists = _lists(facts, marks)
    tags = [Action(v.digest, v.reason, v.tag) for v in expired]
    tags += [Action(facts.tags[tag], _attached_reason(facts, tag), tag) for tag in lists]
    manifests = [
        Action(
            digest, going[digest].reason if digest in going else f"belongs to {by.short}" if by else UNTAGGED
        )
        for digest, by in marks.doomed.items()
        if digest not in facts.gone
    ]
    return Decision(tuple(kept), (*tags, *manifests))


def _lists(facts: RepositoryFacts, marks: Marks) -> list[str]:
    """The tags of what is attached to something that goes or is gone."""
    return [
        tag
        for tag, subject in sorted(facts.attached.items())
        if subject in marks.doomed or (subject in facts.gone and subject not in marks.alive)
    ]


def _attached_reason(facts: RepositoryFacts, tag: str) -> str:
    subject = facts.attached[tag]
    return ORPHANED if subject in facts.gone else f"belongs to {subject.short}"


def still_unneeded(facts: RepositoryFacts, actions: Sequence[Action]) -> tuple[Action, ...]:
    """Those of planned actions that may still be performed on a repository as it is now.

    A tag goes only where it was planned, at the digest that was planned. Every other tag that is there now keeps what
    it needs, whatever the rules would say of it.
    """
    planned = {action.tag: action for action in actions if action.tag}
    going = {tag for tag, action in planned.items() if facts.tags.get(tag) == action.digest}
    kept = [digest for tag, digest in facts.tags.items() if tag not in going and tag not in facts.attached]
    doomed = [action.digest for action in actions if not action.tag]
    marks = mark(facts, kept, doomed)
    needed = {facts.attached[tag] for tag in going if tag in facts.attached} & marks.alive
    unneeded = frozenset(marks.doomed)
    going = {tag for tag in going if facts.attached.get(tag) not in needed}
    return tuple(a for a in actions if (a.tag in going if a.tag else a.digest in unneeded))
