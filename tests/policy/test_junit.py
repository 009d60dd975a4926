"""JUnit reports as pytest, bats and others write them; and hostile ones."""

from __future__ import annotations

import pytest

from pipeline.policy import TestCase
from pipeline.policy.junit import MAX_BYTES, MAX_CASES, junit_cases

PYTEST = b"""<?xml version="1.0" encoding="utf-8"?>
<testsuites name="pytest tests"><testsuite name="pytest" errors="0" failures="1" skipped="1" tests="3">
<testcase classname="test_web" name="test_answers" time="0.1" />
<testcase classname="test_web" name="test_page"><failure message="assert 404 == 200">def test_page():
&gt;       assert 404 == 200</failure></testcase>
<testcase classname="test_web" name="test_later"><skipped type="pytest.skip" message="later" /></testcase>
</testsuite></testsuites>"""
BATS = b"""<testsuite name="web.bats" tests="2"><testcase name="one"/><testcase name="two"><error>boom</error>
<system-out>talk</system-out></testcase></testsuite>"""


def test_cases_of_pytest() -> None:
    assert junit_cases(PYTEST) == (
        TestCase("test_web.test_answers", True),
        TestCase(
            "test_web.test_page",
            False,
            "assert 404 == 200\ndef test_page():\n>       assert 404 == 200",
        ),
        TestCase("test_web.test_later", True),
    )


def test_cases_of_bats() -> None:
    assert junit_cases(BATS) == (TestCase("one", True), TestCase("two", False, "boom"))


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "not XML"),
        (b"<testsuite>", "not XML"),
        (b"<?xml version='1.0' encoding='UTF-9'?><testsuite/>", "not XML"),
        (b"<testsuites/>", "without a case"),
        (b"<html><testcase name='x'/></html>", "the root is <html>"),
        (b"<!DOCTYPE t [<!ENTITY a 'aaaa'>]><testsuite><testcase name='&a;'/></testsuite>", "document type"),
        ("<!DOCTYPE t><testsuite/>".encode("utf-16"), "document type"),
        (b"<testsuite>" + b"<testcase name='x'/>" * (MAX_CASES + 1) + b"</testsuite>", "more than"),
        (b" " * (MAX_BYTES + 1), "larger than"),
        (b"<testsuite>" + b"<a>" * 1_000_000 + b"</testsuite>", "not XML"),
    ],
)
def test_what_is_no_report_is_refused(raw: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        junit_cases(raw)
