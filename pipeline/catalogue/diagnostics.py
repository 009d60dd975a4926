"""A problem of a template that many tags share is reported once. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pipeline.errors import Problem


def merge_by_subject(problems: Iterable[Problem]) -> list[Problem]:
    """The problems, with those that differ only in their subject merged: `app:1.0.0 and 3 more`."""
    subjects: dict[tuple[Problem, bool], dict[str, None]] = {}
    for problem in problems:
        alike = replace(problem, subject=""), bool(problem.subject)
        subjects.setdefault(alike, {})[problem.subject] = None
    return [replace(problem, subject=_list(tuple(names))) for (problem, _), names in subjects.items()]


def _list(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
