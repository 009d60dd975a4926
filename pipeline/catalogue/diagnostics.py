"""A mistake in a template that many tags share, told once. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import replace

from pipeline.errors import Problem

_NAME = re.compile(r"[a-z0-9][a-z0-9._/-]*:[A-Za-z0-9_][A-Za-z0-9_.-]*")
_SUBJECT = "\0"


def once(problems: Iterable[Problem], names: Collection[str]) -> list[Problem]:
    """The same problems, those that differ only in the tag they are about put together: `app:1.0.0 and 3 more`.

    `names` are the tags (`python:3.11.2-dev`) as they stand at the end of a message or behind "rendering".
    """
    known = frozenset(names)
    groups: dict[Problem, list[Problem]] = {}
    for problem in problems:
        groups.setdefault(_without_subject(problem, known), []).append(problem)
    return [_together(alike, found) for alike, found in groups.items()]


def _subject(problem: Problem, known: Collection[str]) -> re.Match[str] | None:
    """Where a message names the tag it is about; what a base is called does not count."""
    for match in reversed(list(_NAME.finditer(problem.message))):
        before = problem.message[: match.start()]
        if match[0] in known and before.endswith(("(", " for ", "rendering ")):
            return match
    return None


def _without_subject(problem: Problem, known: Collection[str]) -> Problem:
    match = _subject(problem, known)
    if match is None:
        return problem
    text = problem.message
    return replace(problem, message=text[: match.start()] + _SUBJECT + text[match.end() :])


def _together(alike: Problem, found: list[Problem]) -> Problem:
    first, more = found[0], len(dict.fromkeys(found)) - 1
    if not more:
        return first
    head, _, tail = alike.message.partition(_SUBJECT)
    name = first.message[len(head) : len(first.message) - len(tail)]
    return replace(first, message=f"{head}{name} and {more} more{tail}")
