"""Verdicts: pure functions of evidence, policy and the day."""

from .evidence import Evidence, Finding, Inventory, LeakedSecret, Scan, TestCase, TestReport, Tool
from .tags import Revision, commit_tags, event_tags, lookup_tags, release_tags
from .verdict import GateState, Verdict, judge, severity_counts

__all__ = [
    "Evidence",
    "Finding",
    "GateState",
    "Inventory",
    "LeakedSecret",
    "Revision",
    "Scan",
    "TestCase",
    "TestReport",
    "Tool",
    "Verdict",
    "commit_tags",
    "event_tags",
    "judge",
    "lookup_tags",
    "release_tags",
    "severity_counts",
]
