"""What could not be examined is in every report, apart from what was found."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import jsonschema

from pipeline.report.data import report_data
from pipeline.report.gitlab import container_scanning
from pipeline.report.html import page
from pipeline.report.junit import junit
from pipeline.report.markdown import summary
from pipeline.report.sarif import sarif
from pipeline.report.schema import report_schema

from . import sample
from .test_sarif import VALIDATOR

REPORT = sample.unexamined()
JAR, TESTS = "a jar cannot be read", "the report ends early"


def test_sarif() -> None:
    log = json.loads(sarif(REPORT)[0])
    assert VALIDATOR.is_valid(log)
    (invocation,) = log["runs"][0]["invocations"]
    texts = [notification["message"]["text"] for notification in invocation["toolExecutionNotifications"]]
    assert not invocation["executionSuccessful"]
    assert f"vulnerabilities: {JAR}" in texts and any(TESTS in text for text in texts)


def test_junit() -> None:
    cases = {case.get("name"): case for case in ElementTree.fromstring(junit(REPORT)).iter("testcase")}
    gate = cases["gate vulnerabilities"].find("error")
    assert gate is not None and JAR in str(gate.text)
    assert TESTS in str(cases["gate tests"].findtext("failure")), "a test failed as well"


def test_gitlab() -> None:
    messages = json.loads(container_scanning(REPORT))["scan"]["messages"]
    assert any(m["level"] == "warn" and JAR in m["value"] for m in messages)


def test_json() -> None:
    data = report_data(REPORT)
    jsonschema.validate(json.loads(json.dumps(data)), report_schema())
    states = {verdict["gate"]: verdict["state"] for verdict in data["targets"][0]["verdicts"]}
    assert (states["vulnerabilities"], states["secrets"], states["tests"]) == (
        "not examined",
        "closed",
        "closed",
    )


def test_pages() -> None:
    for text in (summary(REPORT), page(REPORT)):
        assert "gate vulnerabilities not examined" in text and JAR in text and TESTS in text
