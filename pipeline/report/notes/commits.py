"""The commits of a release under headings, by Conventional Commits 1.0.0 where they follow it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pipeline.util.dataclass import dataclass

_SUBJECT = re.compile(r"(?P<type>[A-Za-z]+)(?:\((?P<scope>[^()\r\n]*)\))?(?P<breaking>!)?: *(?P<text>.+)")
_BREAKING = re.compile(r"^BREAKING[ -]CHANGE: ", re.MULTILINE)
_HEADINGS = {"feat": "Features", "fix": "Fixes", "perf": "Performance", "security": "Security"}
_UPKEEP = frozenset({"build", "chore", "ci", "docs", "refactor", "style", "test", "tests"})
BREAKING, UPKEEP, OTHER = "Breaking changes", "Upkeep", "Changes"
_ORDER = (BREAKING, "Security", "Features", "Fixes", "Performance", OTHER, UPKEEP)


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit: its whole id, the first line of its message, and the rest."""

    id: str
    subject: str
    body: str = ""


def grouped(commits: Iterable[Commit]) -> Iterator[tuple[str, list[tuple[Commit, str]]]]:
    """Headings with their commits, in the order given, and the line to show of each: without the type, the scope first.

    Messages of another form are under "Changes", as they are.
    """
    groups: dict[str, list[tuple[Commit, str]]] = {}
    for commit in commits:
        heading, text = _classified(commit)
        groups.setdefault(heading, []).append((commit, text))
    for heading in _ORDER:
        if heading in groups:
            yield heading, groups[heading]


def _classified(commit: Commit) -> tuple[str, str]:
    subject = _SUBJECT.fullmatch(commit.subject)
    breaking = bool(_BREAKING.search(commit.body))
    kind = subject["type"].lower() if subject else ""
    heading = UPKEEP if kind in _UPKEEP else _HEADINGS.get(kind)
    if subject is None or heading is None:
        breaking = breaking or (subject is not None and subject["breaking"] is not None)
        return BREAKING if breaking else OTHER, commit.subject
    text = f"{subject['scope']}: {subject['text']}" if subject["scope"] else subject["text"]
    return BREAKING if breaking or subject["breaking"] else heading, text
