"""GitLab's security reports: what schemas 15.2 require of what is written, which is read from them by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from pipeline.report import gitlab
from pipeline.report.values import Report

from . import sample

TEXT = {"type": "string", "minLength": 1}
WEB = {"type": "string", "pattern": "^(https?|ftp)://.+"}
TIME = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$"}
V3 = {"type": "string", "minLength": 32, "maxLength": 128, "pattern": "^CVSS:3[.][01]/"}


def has(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}


def listed(items: Any, **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **more}


TOOL = has(id=TEXT, name=TEXT, version=TEXT, vendor=has(name=TEXT))
DEPENDENCY = has(package=has(name={"type": "string"}), version={"type": "string"})
LOCATIONS = {
    "container_scanning": has(dependency=DEPENDENCY, operating_system=TEXT, image=TEXT),
    "dependency_scanning": has(file=TEXT, dependency=DEPENDENCY),
}


def schema(kind: str) -> dict[str, Any]:
    """The required fields, patterns and lengths of the official schema, for the fields that are written."""
    vulnerability = has(
        id=TEXT,
        identifiers=listed(has(type=TEXT, name=TEXT, value=TEXT), minItems=1),
        location=LOCATIONS[kind],
    )
    vulnerability["properties"] |= {
        "name": {"type": "string", "maxLength": 255},
        "description": {"type": "string", "maxLength": 1_048_576},
        "severity": {"enum": ["Info", "Unknown", "Low", "Medium", "High", "Critical"]},
        "solution": {"type": "string", "maxLength": 7000},
        "links": listed(has(url=WEB)),
        "cvss_vectors": listed(has(vendor=TEXT, vector=V3), minItems=1, maxItems=10),
        "details": {"additionalProperties": has(name=TEXT, type={"const": "text"}, value={"type": "string"})},
    }
    vulnerability["properties"]["identifiers"]["items"]["properties"]["url"] = WEB
    files = listed(has(path=TEXT, package_manager=TEXT, dependencies=listed(DEPENDENCY)))
    return has(
        version={"const": gitlab.SCHEMA_VERSION},
        scan=has(
            analyzer=TOOL,
            scanner=TOOL,
            start_time=TIME,
            end_time=TIME,
            status={"enum": ["success", "failure"]},
            type={"const": kind},
            messages=listed(has(level={"enum": ["info", "warn", "fatal"]}, value=TEXT)),
        ),
        vulnerabilities=listed(vulnerability),
        **({"dependency_files": files} if kind == "dependency_scanning" else {}),
    )


WRITERS = {"container_scanning": gitlab.container_scanning, "dependency_scanning": gitlab.dependency_scanning}


def read(kind: str, report: Report = sample.REPORT) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(WRITERS[kind](report))
    jsonschema.validate(data, schema(kind))
    return data


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("report", [sample.REPORT, sample.hostile(), replace(sample.REPORT, targets=())])
def test_valid(kind: str, report: Report) -> None:
    read(kind, report)


def test_packages_of_the_distribution_and_of_languages_are_apart() -> None:
    system, language = (read(kind)["vulnerabilities"] for kind in WRITERS)
    assert {v["identifiers"][0]["value"] for v in system} == {"CVE-2099-0001", "CVE-2099-0002"}
    assert [v["location"]["file"] for v in language] == ["app:1.0.0/opt/app/log.jar"]
    assert read("dependency_scanning")["dependency_files"][0]["package_manager"] == "jar"


def test_the_place_of_a_finding() -> None:
    found = read("container_scanning")["vulnerabilities"][0]
    assert found["location"]["image"] == "registry.example.org/dev/app:1.0.0"
    assert found["location"]["operating_system"] == "debian 12.5"
    assert found["details"]["digest"]["value"] == sample.DIGEST
    assert found["cvss_vectors"][0]["vector"].startswith("CVSS:3.1/AV:N")
    assert found["solution"] == "Update curl from 7.88.1-10 to 7.88.1-11"


def test_a_finding_has_the_same_id_in_every_report() -> None:
    first, second = (read("container_scanning")["vulnerabilities"] for _ in range(2))
    assert [v["id"] for v in first] == [v["id"] for v in second]
    assert len({v["id"] for v in first}) == len(first)


def test_what_judged_is_a_message() -> None:
    (message, *_) = read("container_scanning")["scan"]["messages"]
    assert sample.DIGEST in message["value"] and "data of 2026-11-01 (25 days old)" in message["value"]


def test_links_on_the_page_of_a_job() -> None:
    data = json.loads(gitlab.job_links("https://gitlab.example/j/1", {"Report": "reports/index.html"}))
    (link,) = data["lockage"]
    assert link["external_link"]["url"] == "https://gitlab.example/j/1/artifacts/file/reports/index.html"


def test_markdown_in_texts_of_others_is_escaped() -> None:
    found = read("container_scanning", sample.hostile())["vulnerabilities"][-1]
    assert "<script" not in found["description"] and "&#64;team" in found["solution"]
