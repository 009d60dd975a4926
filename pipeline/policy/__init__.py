"""Verdicts: pure functions of evidence, policy and the day."""

from .evidence import (
    Evidence,
    Finding,
    Inventory,
    LeakedSecret,
    Scan,
    Severity,
    TestCase,
    TestReport,
    Tool,
)
from .tags import Revision, ci_tag
from .verdict import Ignore, Policy, Verdict, judge, severity_counts

__all__ = [
    "Evidence",
    "Finding",
    "Ignore",
    "Inventory",
    "LeakedSecret",
    "Policy",
    "Revision",
    "Scan",
    "Severity",
    "TestCase",
    "TestReport",
    "Tool",
    "Verdict",
    "ci_tag",
    "judge",
    "severity_counts",
]
