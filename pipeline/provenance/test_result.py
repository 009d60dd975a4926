"""Results of structure tests and checks as in-toto's test result v0.1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .resource import digest_set

if TYPE_CHECKING:
    from pipeline.model import Digest
    from pipeline.policy import TestReport


def result_predicate(report: TestReport, tests: Digest) -> dict[str, Any]:
    """The predicate; `tests` is the digest of what was run."""
    passed = [case.name for case in report.cases if case.passed]
    failed = [case.name for case in report.cases if not case.passed]
    tool = {"tool": report.tool.name, "version": report.tool.version}
    return {
        "result": "FAILED" if failed or report.unexamined else "PASSED",
        "configuration": [{"name": "tests", "digest": digest_set(tests), "annotations": tool}],
        "passedTests": passed,
        "warnedTests": [],
        "failedTests": failed,
    }
