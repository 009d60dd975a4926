"""Error responses as data: status, code and message, for callers and for `--json`."""

from __future__ import annotations

import json

import pytest

from pipeline.errors import RegistryError
from pipeline.registry.http.faults import Fault, RequestFailed, refusal
from pipeline.registry.http.messages import Request

REQUEST = Request("GET", "registry.example", "/v2/", "reading the manifest", "registry.example/app:1")


@pytest.mark.parametrize(
    ("status", "body", "code", "message"),
    [
        (403, {"errors": [{"code": "DENIED", "message": "no", "detail": "quota"}]}, "DENIED", "no: quota"),
        (404, {"errors": [{"code": "NAME_UNKNOWN", "detail": {"name": "a"}}]}, "NAME_UNKNOWN", ""),
        (401, {"errors": []}, "UNAUTHORIZED", ""),
        (500, {"errors": "all of them"}, "", '{"errors": "all of them"}'),
    ],
)
def test_an_error_response_has_a_code_and_a_message(
    status: int, body: object, code: str, message: str
) -> None:
    fault = refusal(status, None, json.dumps(body).encode(), 0.0)
    assert (fault.kind, fault.status, fault.code, fault.message) == ("refused", status, code, message)


def test_a_page_of_a_proxy_is_no_message() -> None:
    assert refusal(502, None, b"<html><body>Bad Gateway</body></html>", 0.0).message == ""


def test_the_error_carries_status_and_code() -> None:
    failed = RequestFailed(REQUEST, Fault("refused", 401, "UNAUTHORIZED", "log in"), attempts=3)
    assert isinstance(failed, RegistryError)
    assert (failed.status, failed.code, failed.detail) == (401, "UNAUTHORIZED", "log in")
    assert "after 3 attempts: 401 UNAUTHORIZED" in failed.message
    data = failed.to_json()
    assert (data["host"], data["operation"], data["status"], data["code"]) == (
        "registry.example",
        "reading the manifest",
        401,
        "UNAUTHORIZED",
    )


def test_without_a_response_there_is_no_status() -> None:
    failed = RequestFailed(REQUEST, Fault("unreachable", message="connection refused"))
    assert (failed.status, failed.code) == (None, None)
    assert "status" not in failed.to_json() and "code" not in failed.to_json()
