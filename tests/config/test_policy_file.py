"""A policy in a file of its own: read like lockage.yml's, its mistakes at their lines."""

from __future__ import annotations

import pytest

from pipeline.config.policy_file import read_policy
from pipeline.errors import ConfigError
from pipeline.model import Gates, Severity


def test_a_policy_is_read() -> None:
    text = b"policy:\n  vulnerabilities: {fail_on: [low], max_age: 3d}\n  secrets: warn\n"
    gates = read_policy(text, "p.yml").over(Gates())
    assert gates.vulnerabilities.fail_on == (Severity.LOW,)
    assert (gates.vulnerabilities.max_age, gates.secrets.severities) == (3, "warn")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", "p.yml:1:1: policy: is missing"),
        (b"policy: {secret: warn}\n", "p.yml:1:10: policy.secret"),
        (b"policy: {}\nproject: x\n", "p.yml:2:1: project"),
        (b"policy: [", "p.yml:2:1: not valid YAML"),
        (b"policy: {vulnerabilities: {max_age: long}}\n", "is not a number of days"),
        (b"policy: {vulnerabilities: {max_age: 0}}\n", "max_age"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: bytes, problem: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_policy(text, "p.yml")
    assert problem in str(refused.value.problems[0])
