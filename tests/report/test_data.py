"""report.json: valid by the schema that `lockage schema report` prints, complete, one finding a line."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from pipeline.report.data import report_data, report_json
from pipeline.report.files import report_files, sbom_name
from pipeline.report.schema import report_schema
from pipeline.report.values import Report
from pipeline.util.json.canonical import pretty

from . import sample

SCHEMA = Path(__file__).parents[2] / "docs/schemas/report.schema.json"


@pytest.mark.parametrize(
    "report", [sample.REPORT, sample.hostile(), replace(sample.REPORT, targets=(), images=())]
)
def test_valid_and_the_same_value(report: Report) -> None:
    jsonschema.Draft202012Validator.check_schema(dict(report_schema()))
    text = report_json(report)
    data = json.loads(text)
    jsonschema.validate(data, report_schema())
    assert data == json.loads(json.dumps(report_data(report)))
    assert "\x1b" not in text and "##[" not in text


def test_the_schema_in_the_documentation_is_that_of_the_program() -> None:
    assert SCHEMA.read_text("utf-8") == pretty(report_schema())


def test_a_finding_a_line() -> None:
    lines = [line for line in report_json(sample.REPORT).splitlines() if '"id": "CVE-' in line]
    assert len(lines) == 3 and json.loads(lines[0].rstrip(","))["id"] == "CVE-2099-0001"


def test_every_target_names_what_examined_it() -> None:
    app = report_data(sample.REPORT)["targets"][0]
    assert app["tools"]["scan"] == {
        "name": "trivy",
        "version": "0.74.0",
        "data_date": "2026-11-01T00:00:00Z",
        "data_digest": "sha256:" + "d" * 64,
        "data_age_days": 25,
    }
    assert app["findings"][0]["location"] == {"path": "images/app/Dockerfile.tmpl", "line": 3}
    assert (app["findings"][0]["first_seen"], app["findings"][0]["published"]) == ("2026-11-02", "2026-10-19")


def test_secrets_are_named_by_rule_and_file_alone() -> None:
    (secret,) = report_data(sample.REPORT)["targets"][0]["secrets"]
    assert set(secret) == {"rule", "path", "severity"}


def test_the_files_of_a_report() -> None:
    files = report_files(sample.REPORT)
    assert set(files) == {
        "index.html",
        "report.json",
        "summary.md",
        "junit.xml",
        "lockage.sarif",
        "gl-container-scanning-report.json",
        "gl-dependency-scanning-report.json",
    }
    assert sbom_name(sample.APP.id) == "sbom/app_1.0.0_linux-amd64.cdx.json"


@pytest.mark.parametrize("id", ["../../etc/x", "/abs", "..", "a/../b", "a\nb", "C:\\x"])
def test_no_file_is_outside_the_folder(id: str) -> None:
    assert re.fullmatch(r"sbom/[A-Za-z0-9_-][A-Za-z0-9._-]*", sbom_name(id))
