"""Which tags the rules of an environment keep, by name, version, date and pull request."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from fnmatch import fnmatchcase
from functools import lru_cache
from itertools import groupby
from types import MappingProxyType
from typing import TYPE_CHECKING

from pipeline.model import Digest
from pipeline.model.retention import RetentionRule
from pipeline.util.dataclass import dataclass

from ..tags import parse_version
from .facts import TagVerdict

if TYPE_CHECKING:
    from semver import Version

DAY = 86_400


@dataclass(frozen=True, slots=True)
class TagFacts:
    """What rules are applied to: the tags, their dates, the moment, both in seconds since 1970. A tag without a date is
    as new as can be.

    `closed` are the numbers of the pull requests that are closed; None where nobody listed them. `kept` are patterns of
    tags and digests that stay whatever the rules say, `pinned` is why all tags stay.
    """

    tags: Mapping[str, Digest]
    now: int
    dates: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    closed: frozenset[int] | None = None
    kept: tuple[str, ...] = ()
    pinned: str = ""


@dataclass(frozen=True, slots=True)
class _Match:
    """A tag and the first rule that matches it, by which of its patterns."""

    tag: str
    rule: int
    pattern: str
    version: Version | None
    number: int | None


def judge_tags(facts: TagFacts, rules: Sequence[RetentionRule]) -> tuple[TagVerdict, ...]:
    """The verdict on every tag, in the order of their names."""
    verdicts: dict[str, TagVerdict] = {}
    matches: list[_Match] = []
    for tag, digest in facts.tags.items():
        if reason := _kept(facts, tag, digest):
            verdicts[tag] = TagVerdict(tag, digest, True, reason, facts.dates.get(tag, facts.now))
        elif (matched := _match(tag, rules)) is None:
            verdicts[tag] = TagVerdict(tag, digest, True, "no rule matches", facts.dates.get(tag, facts.now))
        else:
            matches.append(matched)
    by_rule: list[list[_Match]] = [[] for _ in rules]
    for match in matches:
        by_rule[match.rule].append(match)
    counted = [_counted(facts, rule, of_rule) for rule, of_rule in zip(rules, by_rule, strict=True)]
    for match in matches:
        reason, keep = _judge(facts, rules[match.rule], match, counted[match.rule].get(match.tag, ""))
        date = facts.dates.get(match.tag, facts.now)
        verdicts[match.tag] = TagVerdict(match.tag, facts.tags[match.tag], keep, reason, date)
    return tuple(verdicts[tag] for tag in sorted(verdicts))


def dated(tags: Iterable[str], rules: Sequence[RetentionRule]) -> set[str]:
    """The tags whose rule needs a date."""
    matched = ((tag, _match(tag, rules)) for tag in tags)
    return {tag for tag, match in matched if match is not None and rules[match.rule].by_date}


def _kept(facts: TagFacts, tag: str, digest: Digest) -> str:
    if facts.pinned:
        return facts.pinned
    if any(name == str(digest) or fnmatchcase(tag, name) for name in facts.kept):
        return "keep: of retention lists it"
    return ""


def _match(tag: str, rules: Sequence[RetentionRule]) -> _Match | None:
    for number, rule in enumerate(rules):
        for pattern in rule.tags:
            match = _compiled(pattern).fullmatch(tag)
            if not match:
                continue
            version = parse_version(tag)
            if rule.versions and (
                version is None or bool(version.prerelease) != (rule.versions == "prerelease")
            ):
                continue
            request = int(match[1]) if match.re.groups else None
            return _Match(tag, number, pattern, version, request)
    return None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\*|\{pr\})", pattern)
    return re.compile("".join({"*": ".*", "{pr}": "([0-9]{1,9})"}.get(p) or re.escape(p) for p in parts))


def _judge(facts: TagFacts, rule: RetentionRule, match: _Match, counted: str) -> tuple[str, bool]:
    """Why a tag is kept, or why not."""
    if rule.forever:
        return f"{rule.text}: forever", True
    if counted:
        return f"{rule.text}: {counted}", True
    versioned = rule.lines or rule.last_of_line
    if versioned and match.version is None:
        return f"{rule.text}: it has no version, and so no line", True
    if rule.until_closed:
        if facts.closed is None:
            return f"{rule.text}: nobody listed the closed pull requests", True
        if match.number not in facts.closed:
            return f"{rule.text}: pull request {match.number} is not closed", True
    age = facts.now - facts.dates.get(match.tag, facts.now)
    if rule.days is not None and age < rule.days * DAY:
        return f"{rule.text}: {max(age, 0) // DAY} of {rule.days} days old", True
    return f"{rule.text}: {_missed(rule, match, age)}", False


def _missed(rule: RetentionRule, match: _Match, age: int) -> str:
    """All conditions, none of which holds."""
    parts = []
    if rule.days is not None:
        parts.append(f"{age // DAY} days old, {rule.days} are kept")
    if rule.last is not None:
        parts.append(f"not of the last {rule.last}")
    if rule.lines is not None:
        parts.append(f"not of the newest {rule.lines} lines")
    if rule.last_of_line is not None:
        parts.append(f"not of the last {rule.last_of_line} of its line")
    if rule.until_closed:
        parts.append(f"pull request {match.number} is closed")
    return ", ".join(parts)


def _counted(facts: TagFacts, rule: RetentionRule, matches: Sequence[_Match]) -> dict[str, str]:
    """The tags that are kept for their place in an order, and the place."""
    kept: dict[str, str] = {}
    if rule.last is not None:
        for pattern in rule.tags:
            of_pattern = [match for match in matches if match.pattern == pattern]
            kept |= dict.fromkeys(_newest(facts, of_pattern, rule.last), f"of the last {rule.last}")
    versioned = [match for match in matches if match.version is not None]
    lines = sorted({_line(match) for match in versioned}, reverse=True)
    if rule.lines is not None:
        newest = set(lines[: rule.lines])
        kept |= {m.tag: f"of the newest {rule.lines} lines" for m in versioned if _line(m) in newest}
    if rule.last_of_line is not None:
        for line in lines:
            in_line = [match for match in versioned if _line(match) == line]
            reason = f"of the last {rule.last_of_line} of its line"
            kept |= dict.fromkeys(_newest(facts, in_line, rule.last_of_line), reason)
    return kept


def _line(match: _Match) -> tuple[int, int]:
    assert match.version is not None
    return match.version.major, match.version.minor


def _newest(facts: TagFacts, matches: Sequence[_Match], count: int) -> Iterable[str]:
    """The tags of the newest so many images; by version where all have one, else by date. Where images are of one date,
    nobody knows which is newer: all of them or none."""
    key: Callable[[_Match], object]
    if all(match.version is not None for match in matches):
        ordered = sorted(matches, key=lambda m: (m.version, m.tag), reverse=True)
        key = lambda match: match.version  # noqa: E731
    else:
        ordered = sorted(matches, key=lambda m: facts.dates.get(m.tag, facts.now), reverse=True)
        key = lambda match: facts.dates.get(match.tag, facts.now)  # noqa: E731
    digests: set[Digest] = set()
    for _, group in groupby(ordered, key):
        if len(digests) >= count:
            break
        equal = list(group)
        digests |= {facts.tags[match.tag] for match in equal}
        yield from (match.tag for match in equal)
    # an image that is counted already takes no place of another one, whatever else names it
    yield from (match.tag for match in matches if facts.tags[match.tag] in digests)
