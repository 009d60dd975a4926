"""Verdicts: pure functions of evidence, policy and the day."""

from .evidence import (
    Evidence,
    Finding,
    Inventory,
    JavaData,
    LeakedSecret,
    LintFinding,
    LintReport,
    Scan,
    TestCase,
    TestReport,
    Tool,
)
from .judged import Effect, JudgedFinding, judge_findings, unnoticed
from .tags import Revision, commit_tags, event_tags, lookup_tags, release_tags
from .verdict import GateState, Verdict, judge, severity_counts

__all__ = [
    "Effect",
    "Evidence",
    "Finding",
    "GateState",
    "Inventory",
    "JavaData",
    "JudgedFinding",
    "LeakedSecret",
    "LintFinding",
    "LintReport",
    "Revision",
    "Scan",
    "TestCase",
    "TestReport",
    "Tool",
    "Verdict",
    "commit_tags",
    "event_tags",
    "judge",
    "judge_findings",
    "lookup_tags",
    "release_tags",
    "severity_counts",
    "unnoticed",
]
