"""What a scanner has no data for is not examined: distributions past their end of life, and those it does not know."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from pipeline.model import Gates, VulnerabilityGate
from pipeline.policy import Evidence, GateState, Inventory, Scan, Tool, judge
from pipeline.policy.reports import trivy_scan

TODAY, TOOL = date(2026, 11, 26), Tool("trivy", "1", "2026-11-26")
OLD = {"Family": "debian", "Name": "8.11", "EOSL": True}
NOTHING = {"Family": "none", "Name": ""}


def scan(system: Any) -> Scan:
    """The scan of an image without findings."""
    report = {"SchemaVersion": 2, "Metadata": {"OS": system}, "Results": []}
    return trivy_scan(json.dumps(report).encode(), TOOL)


def state(
    system: Any, packages: int, gate: VulnerabilityGate | None = None
) -> tuple[GateState, tuple[str, ...]]:
    """The vulnerability verdict on an image with so many packages of its distribution."""
    inventory = Inventory(Tool("syft", "1"), packages, {}, "void", distributed=packages)
    evidence = Evidence.from_json(Evidence(1, inventory, scan(system)).to_json())
    verdict = judge(evidence, Gates(vulnerabilities=gate or VulnerabilityGate()), TODAY)[0]
    return verdict.state, verdict.reasons or verdict.notes


@pytest.mark.parametrize(
    ("system", "packages", "closed", "reason"),
    [
        (OLD, 5, True, "debian 8.11 has reached its end of life"),
        (OLD, 0, True, "debian 8.11 has reached its end of life"),
        (OLD | {"EOSL": False}, 5, False, ""),
        ({"Family": "debian", "Name": "12.5"}, 5, False, ""),
        (NOTHING, 5, True, "5 packages of void: the scanner has no data for it"),
        (NOTHING, 0, False, ""),  # FROM scratch
        (None, 5, False, ""),  # a report that does not say
        ({}, 5, False, ""),
    ],
)
def test_what_has_no_data_is_not_examined(system: Any, packages: int, closed: bool, reason: str) -> None:
    found, reasons = state(system, packages)
    assert found is (GateState.NOT_EXAMINED if closed else GateState.PASSED)
    assert [text for text in reasons if text.startswith(reason)] == list(reasons)
    passed, notes = state(system, packages, VulnerabilityGate(unexamined="warn"))
    assert passed is GateState.PASSED
    assert all(text.startswith(f"not examined: {reason}") for text in notes) and len(notes) == len(reasons)


def test_an_unknown_system_matters_only_with_packages_that_another_tool_lists() -> None:
    verdict = judge(Evidence(1, scan=scan(NOTHING)), Gates(), TODAY)[0]
    assert verdict.state is GateState.PASSED


@pytest.mark.parametrize("system", [{"Family": "debian", "EOSL": "no"}, {"Family": 7}, 7, "debian"])
def test_a_system_of_another_kind_is_no_report(system: Any) -> None:
    with pytest.raises(ValueError):
        scan(system)
