"""`licenses:`, `secrets:`, `size:` and `tests:` of a policy: what is read, and what is refused with its line."""

from __future__ import annotations

from decimal import Decimal

import pytest

from pipeline.config.policy_file import read_policy
from pipeline.errors import ConfigError
from pipeline.model import Gates, Growth, SecretGate, Severity, SizeGate

WAIVER = "owner: o, reason: r, expires: 2027-01-31"


def gates(text: str) -> Gates:
    """The gates of a policy."""
    return read_policy(f"policy:\n  {text}\n".encode(), "policy.yml").over(Gates())


@pytest.mark.parametrize(
    ("written", "gate"),
    [
        ("secrets: fail", SecretGate()),
        ("secrets: warn", SecretGate(())),
        ("secrets: {fail_on: [critical, HIGH]}", SecretGate((Severity.CRITICAL, Severity.HIGH))),
        ("secrets: {}", SecretGate()),
    ],
)
def test_secrets_in_short_and_by_severity(written: str, gate: SecretGate) -> None:
    assert gates(written).secrets == gate


@pytest.mark.parametrize(
    ("written", "gate"),
    [
        ("size: {max: 1MB}", SizeGate(1_000_000)),
        ("size: {target: 1kB, growth: 10%}", SizeGate(None, 1000, Growth(percent=Decimal(10)))),
        ("size: {growth: 2.5 %}", SizeGate(growth=Growth(percent=Decimal("2.5")))),
        ("size: {growth: 20MB}", SizeGate(growth=Growth(20_000_000))),
        ("size: {growth: 0}", SizeGate(growth=Growth(0))),
    ],
)
def test_sizes(written: str, gate: SizeGate) -> None:
    assert gates(written).size == gate


def test_licenses_and_tests() -> None:
    found = gates(f"licenses: {{allow: [MIT], exceptions: [{{package: 'linux-*', {WAIVER}}}]}}")
    assert found.licenses.allow == ("MIT",) and found.licenses.unknown == "warn"
    assert found.licenses.exceptions[0].package == "linux-*" and found.licenses.judges
    assert not Gates().licenses.judges
    assert gates("tests: required").tests == "required"


@pytest.mark.parametrize(
    ("written", "key", "message"),
    [
        ("secrets: never", "policy.secrets", "'never' is not one of: fail, warn, or a mapping"),
        ("secrets: {fail_on: [GRAVE]}", "policy.secrets.fail_on[0]", "is not one of"),
        ("secrets: {allow: [{path: /a}]}", "policy.secrets.allow[0].owner", "is missing"),
        (f"secrets: {{allow: [{{paht: /a, {WAIVER}}}]}}", "policy.secrets.allow[0].paht", "not a known key"),
        ("licenses: {deny: [Apache2]}", "policy.licenses.deny[0]", "did you mean Apache-2.0?"),
        ("licenses: {allow: [MIT OR X11]}", "policy.licenses.allow[0]", "name each license alone"),
        ("licenses: {unknown: maybe}", "policy.licenses.unknown", "is not one of: fail, warn, pass"),
        ("size: {growth: 10 percent}", "policy.size.growth", "'10 percent' is not a size"),
        ("size: {growth: -1}", "policy.size.growth", "is not a size"),
        ("size: {growth: 1x%}", "policy.size.growth", "is no growth (such as 10% or 20MB)"),
        ("size: {target: none}", "policy.size.target", "is not a size"),
        ("tests: always", "policy.tests", "is not one of: required, optional"),
    ],
)
def test_what_cannot_be_right_is_one_error_with_its_line(written: str, key: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        gates(written)
    problems = [problem for problem in caught.value.problems if problem.key == key]
    assert problems and message in problems[0].message and problems[0].line == 2
