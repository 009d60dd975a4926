"""Numbers and short texts that several formats show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from pipeline.policy import Effect, Tool

from .values import Report, ReportedFinding, TargetReport


def severities(findings: Iterable[ReportedFinding]) -> dict[str, int]:
    """How many findings of each severity, highest first, zeroes left out."""
    counts = Counter(finding.severity for finding in findings)
    return {str(s): counts[s] for s in sorted(counts, key=lambda s: s.rank, reverse=True)}


def counted(counts: dict[str, int]) -> str:
    """`1 critical, 2 high`; `none` where there is nothing."""
    return ", ".join(f"{number} {name.lower()}" for name, number in counts.items()) or "none"


def of_effect(target: TargetReport, effect: Effect) -> list[ReportedFinding]:
    """The findings of a target with one effect."""
    return [finding for finding in target.findings if finding.effect is effect]


def data_of(report: Report, tool: Tool) -> str:
    """A tool with its version, and the day and age of its data: `trivy 0.74.0, data of 2026-11-01 (25 days old)`."""
    text = f"{tool.name} {tool.version}"
    if not tool.data_date:
        return text
    age = report.age(tool)
    old = "" if age is None else f" ({age} day{'' if age == 1 else 's'} old)"
    return f"{text}, data of {tool.data_date[:10]}{old}"


def tools_of(report: Report) -> list[str]:
    """Every tool of a report once, with version and data, in the order of the stages."""
    texts = [data_of(report, tool) for target in report.targets for _, tool in target.tools]
    return list(dict.fromkeys(texts))


def tests_of(target: TargetReport) -> str:
    """`5/6` structure tests passed; empty where there are none."""
    tests = target.evidence.tests if target.evidence else None
    if tests is None:
        return ""
    return f"{sum(case.passed for case in tests.cases)}/{len(tests.cases)}"


def plural(number: int, noun: str) -> str:
    """`1 reason`, `2 reasons`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
