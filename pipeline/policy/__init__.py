"""Verdicts: pure functions of evidence, policy and the day."""

from .evidence import (
    Evidence,
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
from .finding import SCAN_EDITION, Finding
from .judged_findings import Effect, JudgedFinding, VexEvidence, judge_findings, unnoticed
from .tags import Revision, commit_tags, event_tags, lookup_tags, release_tags
from .verdict import GateState, Verdict, judge, severity_counts

__all__ = [
    "SCAN_EDITION",
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
    "VexEvidence",
    "commit_tags",
    "event_tags",
    "judge",
    "judge_findings",
    "lookup_tags",
    "release_tags",
    "severity_counts",
    "unnoticed",
]
