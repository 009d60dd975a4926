"""Secrets in the history of an image: what the scanner gets to see, and where its report says they are."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from pipeline.model.gates import SecretGate
from pipeline.policy import Tool
from pipeline.policy.gates.secrets import judge_secrets
from pipeline.policy.image_history import history_text, with_secrets
from pipeline.policy.reports import trivy_scan
from pipeline.policy.scan_details import without_matches

IMAGE = {"SchemaVersion": 2, "ArtifactName": "/in/image.tar", "Results": [{"Target": "debian"}]}


def secret(rule: str, line: int) -> dict[str, Any]:
    return {"RuleID": rule, "Severity": "HIGH", "StartLine": line, "Match": "s3cret", "Code": {"s3cret": 1}}


def found(*secrets: dict[str, Any]) -> bytes:
    results = [{"Target": "image history", "Class": "secret", "Secrets": secrets}] if secrets else []
    return json.dumps({"SchemaVersion": 2, "Results": results}).encode()


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({}, ""),
        ({"history": None}, ""),
        (
            {"history": [{"created_by": "ARG A=1", "empty_layer": True}, {"created_by": "RUN x"}]},
            "ARG A=1\nRUN x",
        ),
        ({"history": [{"comment": "of x", "author": "me"}, {"created_by": None}]}, "me\nof x"),
        ({"history": [{"created_by": "RUN <<EOF\n-----BEGIN\nEOF"}]}, "RUN <<EOF\n-----BEGIN\nEOF"),
    ],
)
def test_every_entry_is_seen_with_its_author_and_comment(config: Any, text: str) -> None:
    assert history_text(json.dumps(config).encode()) == text


@pytest.mark.parametrize(
    "config", [b"", b"[]", b'{"history": 7}', b'{"history": [7]}', b'{"history":[],"history":[]}']
)
def test_a_history_that_readers_may_read_in_two_ways_is_no_history(config: bytes) -> None:
    with pytest.raises(ValueError):
        history_text(config)


def test_a_rule_closes_once_for_the_history_and_its_text_is_not_kept() -> None:
    report = with_secrets(
        json.dumps(IMAGE).encode(), found(secret("pat", 1), secret("pat", 2)), "image history"
    )
    kept = without_matches(report)
    assert b"s3cret" not in kept
    scan = trivy_scan(kept, Tool("trivy", "1"), artifact=None)
    assert [(one.rule, one.path) for one in scan.secrets] == [("pat", "image history")] * 2
    assert judge_secrets(scan.secrets, SecretGate(), date(2026, 11, 26)).reasons == ("pat in image history",)


def test_without_any_the_report_stays_as_it_is() -> None:
    raw = json.dumps(IMAGE).encode()
    assert with_secrets(raw, found(), "image history") is raw


@pytest.mark.parametrize("broken", [b"", b"[]", b'{"Results": 7}', b'{"Results": [{"Secrets": 7}]}'])
def test_half_a_report_is_none(broken: bytes) -> None:
    with pytest.raises(ValueError):
        with_secrets(json.dumps(IMAGE).encode(), broken, "image history")
