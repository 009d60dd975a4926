"""The reports of a matrix as one, as a single run would have written it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from ..values import ImageReport, Report, TargetReport

_T = TypeVar("_T", TargetReport, ImageReport)
_COMMAND = "jobs"
_STATUSES = ("failed", "closed", "aborted", "built", "attested", "reused", "known")
"""What became of a target by how much it tells: a base that one job built and others reused was built."""


def merged(reports: Sequence[Report]) -> Report:
    """One report of one or more: each target and image once, in the order of the first that has it, all platforms of
    an image tag together.

    Raises ValueError for reports of several projects or commits.
    """
    first = reports[0]
    for report in reports:
        for what, one, other in (
            ("projects", first.project, report.project),
            ("commits", first.revision, report.revision),
        ):
            if one != other:
                raise ValueError(f"reports of two {what}: {one[:80]!r} and {other[:80]!r}")
    last = max(reports, key=lambda report: report.made)
    targets = _each(
        ((target.id, target) for report in reports for target in report.targets),
    )
    names = {name: number for number, name in enumerate(dict.fromkeys(target.name for target in targets))}
    return replace(
        first,
        command=first.command if len(reports) == 1 else f"{first.command} ({len(reports)} {_COMMAND})",
        made=last.made,
        day=last.day,
        exit_code=max(report.exit_code for report in reports),
        seconds=max(report.seconds for report in reports),
        targets=tuple(sorted(targets, key=lambda target: names[target.name])),
        images=tuple(_each((image.name, image) for report in reports for image in report.images)),
    )


def _each(entries: Iterable[tuple[str, _T]]) -> list[_T]:
    """One value for each key: the one whose status tells most, the first of several."""
    kept: dict[str, _T] = {}
    for key, value in entries:
        if key not in kept or _rank(value) < _rank(kept[key]):
            kept[key] = value
    return list(kept.values())


def _rank(value: TargetReport | ImageReport) -> int:
    if value.fault:
        return -1
    return _STATUSES.index(value.status) if value.status in _STATUSES else len(_STATUSES)
