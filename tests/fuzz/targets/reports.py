"""The tools' reports: trivy, syft, container-structure-test, and the progress of BuildKit."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

from hypothesis import strategies as st

from pipeline.engine.buildkit.report import current, read_report
from pipeline.model import Gates
from pipeline.model.gates import LintGate
from pipeline.policy import Evidence, TestReport, Tool, judge
from pipeline.policy.junit import junit_cases
from pipeline.policy.lint import closing, hadolint_findings
from pipeline.policy.reports import cyclonedx_inventory, structure_tests, trivy_scan
from pipeline.policy.scan_details import scan_details, with_history, without_matches
from pipeline.util.json.canonical import compact
from tests.fuzz.hostile import (
    REFUSED,
    changed_bytes,
    changed_json,
    changed_texts,
    changed_trees,
    encoded,
    to_bytes,
)
from tests.fuzz.target import Target

_TOOL = Tool("tool", "1.0", "2026-11-01", "sha256:" + "0" * 64)
_TRIVY = {
    "SchemaVersion": 2,
    "CreatedAt": "2026-11-26T00:00:00Z",
    "Results": [
        {
            "Target": "app (debian 12)",
            "Vulnerabilities": [
                {
                    "VulnerabilityID": "CVE-2099-0001",
                    "PkgName": "curl",
                    "InstalledVersion": "1",
                    "FixedVersion": "2",
                    "Severity": "HIGH",
                    "Title": "T",
                },
                {
                    "VulnerabilityID": "CVE-2099-0002",
                    "PkgName": "curl",
                    "InstalledVersion": "1",
                    "Severity": "LOW",
                },
            ],
            "Secrets": [{"RuleID": "aws", "Severity": "CRITICAL", "Match": "A***"}],
        },
        {"Target": "x", "Vulnerabilities": None},
    ],
}
_SYFT = {
    "bomFormat": "CycloneDX",
    "components": [{"type": "library", "name": "a"}, {"type": "file"}, {"type": "application"}],
}
_TESTS = {
    "Pass": 1,
    "Fail": 1,
    "Total": 2,
    "Results": [
        {"Name": "a", "Pass": True, "Stdout": "x", "Duration": 1},
        {"Name": "b", "Pass": False, "Errors": ["expected x"], "Stderr": "y\n"},
    ],
}
_STEP = {
    "digest": "sha256:1",
    "name": "[2/2] RUN x",
    "started": "t",
    "completed": "t",
    "cached": False,
    "error": "e",
}
_WARNING = {
    "vertex": "sha256:1",
    "level": 1,
    "short": "UGF0aA==",
    "detail": ["eA=="],
    "url": "u",
    "range": [{"start": {"line": 3}, "end": {"line": 3}}],
}
_STATUS = {
    "vertexes": [_STEP],
    "logs": [{"vertex": "sha256:1", "stream": 1, "data": "aGVsbG8K"}],
    "warnings": [_WARNING],
}
_TAIL = (
    "Dockerfile:3\n   3 | >>> RUN false\n"
    'error: failed to solve: process "/bin/sh -c false" did not complete: exit code: 1\n'
)


def _kept(evidence: Evidence) -> None:
    """Evidence is kept as JSON and read back, and every gate can judge it."""
    assert Evidence.from_json(json.loads(compact(evidence.to_json()))) == evidence
    for verdict in judge(evidence, Gates(), date(2026, 11, 26)):
        json.dumps(verdict.to_json())


def read_trivy(content: bytes, folder: Path) -> None:
    """A scan."""
    _kept(Evidence(1, scan=trivy_scan(content, _TOOL)))


def read_syft(content: bytes, folder: Path) -> None:
    """A bill of materials."""
    _kept(Evidence(1, inventory=cyclonedx_inventory({"cyclonedx-json": content}, _TOOL)))


def read_tests(content: bytes, folder: Path) -> None:
    """A report of structure tests."""
    _kept(Evidence(1, tests=structure_tests(content, _TOOL)))


def read_progress(content: bytes, folder: Path) -> None:
    """BuildKit's progress, as it goes and at its end."""
    text = content.decode("utf-8", "replace")
    for failed in (True, False):
        report = read_report(text, failed=failed)
        for warning in report.warnings:
            assert type(warning).from_json(json.loads(compact(warning.to_json()))) == warning
        assert (report.failure is not None) == failed
    assert len(current(text)) <= 200


_TRIVY_DETAILS = {
    **_TRIVY,
    "Metadata": {
        "OS": {"Family": "debian", "Name": "12"},
        "DiffIDs": ["sha256:" + "1" * 64],
        "ImageConfig": {
            "history": [{"created_by": "RUN x", "empty_layer": False}],
            "rootfs": {"diff_ids": ["sha256:1"]},
        },
    },
}
_LINT = [
    {"file": "a", "line": 3, "column": 1, "level": "warning", "code": "DL3008", "message": "Pin versions"}
]
_JUNIT = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites><testsuite name="s"><testcase classname="c" name="n"/>'
    '<testcase name="m"><failure message="no">why &lt;</failure></testcase></testsuite></testsuites>\n'
)
_JUNIT_TOKENS = [
    *(
        "<testcase>",
        "</testcase>",
        '<failure message="',
        "<error/>",
        "</failure>",
        "<skipped/>",
        "<!DOCTYPE a [",
        "]>",
    ),
    *(
        '<!ENTITY a "aaaa">',
        "&a;",
        "&#0;",
        "&#x1b;",
        "&#xd800;",
        "<![CDATA[",
        "]]>",
        "<?xml",
        "?>",
        "<!--",
        "-->",
        '"',
        ">",
    ),
    *('encoding="UTF-16"', 'encoding="x"', "xmlns:a='b'", "<a:b>", "<a>" * 3000),
]


def read_details(content: bytes, folder: Path) -> None:
    """The details of a scan, and the report as it is kept."""
    details = scan_details(content)
    with_history(details, content)
    without_matches(content)


def read_lint(content: bytes, folder: Path) -> None:
    """Hadolint's findings."""
    for findings in hadolint_findings(content).values():
        closing(findings, LintGate())


def read_junit(content: bytes, folder: Path) -> None:
    """A report of a check."""
    _kept(Evidence(1, tests=TestReport(_TOOL, junit_cases(content))))


TARGETS = (
    Target(
        "scan-details",
        changed_json([_TRIVY_DETAILS], ["PkgPath", "CVSS", "Layer", "PrimaryURL", "PublishedDate", "Class"]),
        read_details,
        errors=REFUSED,
    ),
    Target("lint", changed_json([_LINT], ["code", "level"]), read_lint, errors=REFUSED, examples=60),
    Target(
        "junit",
        changed_texts([_JUNIT], _JUNIT_TOKENS).map(to_bytes)
        | changed_bytes([_JUNIT.encode(), _JUNIT.encode("utf-16")]),
        read_junit,
        errors=REFUSED,
    ),
    Target(
        "trivy",
        changed_json([_TRIVY], ["Severity", "VulnerabilityID", "Class", "Type", "Misconfigurations"]),
        read_trivy,
        errors=REFUSED,
    ),
    Target("syft", changed_json([_SYFT], ["type", "components"]), read_syft, errors=REFUSED, examples=60),
    Target("structure-tests", changed_json([_TESTS], ["Errors", "Name"]), read_tests, errors=REFUSED),
    Target(
        "progress",
        st.builds(
            lambda trees, end: "\n".join([*(encoded(tree) for tree in trees), end]),
            st.lists(changed_trees([_STATUS], ["vertexes", "range", "start"]), max_size=3),
            changed_texts([_TAIL, ""], ["error: ", " | >>> ", "on line 99999999999", 'process "', "99"]),
        ).map(to_bytes),
        read_progress,
    ),
)
