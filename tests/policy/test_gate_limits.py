"""The gates of licenses, secrets and size, and required tests: tables of evidence, gate and day."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import (
    AllowedSecret,
    Gates,
    Growth,
    LicenseException,
    LicenseGate,
    SecretGate,
    Severity,
    SizeGate,
)
from pipeline.model.license import license_problem, parse_license
from pipeline.policy import Evidence, GateState, Inventory, LeakedSecret, TestCase, TestReport, Tool, judge
from pipeline.policy.gates.context import GateContext
from pipeline.policy.gates.licenses import judge_licenses
from pipeline.policy.gates.secrets import judge_secrets, path_matches
from pipeline.policy.gates.size import PublishedImage, SizedLayer, is_exceeded, judge_size
from pipeline.policy.packages import Package, packages_from_json, packages_to_json

TODAY = date(2026, 11, 26)
TOMORROW = TODAY + timedelta(days=1)
CLASSPATH = "GPL-2.0-only WITH Classpath-exception-2.0"


def state(gate: LicenseGate, *licenses: str) -> str:
    """Whether a package with these licenses closes, is noted, or passes."""
    judged = judge_licenses([Package("p", "1", "deb", licenses)], gate, TODAY)
    return "closed" if judged.reasons else "noted" if judged.notes else "passed"


@pytest.mark.parametrize(
    ("licenses", "expected"),
    [
        (("MIT",), "passed"),
        (("mit",), "passed"),
        (("GPL-3.0-only",), "closed"),
        (("MIT OR GPL-3.0-only",), "passed"),
        (("MIT AND GPL-3.0-only",), "closed"),
        (("MIT", "GPL-3.0-only"), "closed"),  # a list: each part has its own
        (("GPL-3.0-only OR (MIT AND Apache-2.0)",), "passed"),
        (("(GPL-3.0-only OR MIT) AND X11",), "closed"),
        (("BSD-2-Clause",), "passed"),  # by its pattern
        ((CLASSPATH,), "passed"),  # named with its exception
        (("GPL-2.0-only",), "closed"),
        (("Apache-2.0 WITH LLVM-exception",), "passed"),  # an exception only ever permits more
        (("LicenseRef-acme",), "passed"),
        (("acme",), "passed"),  # the same, as SPDX documents name it
        ((), "noted"),
        (("NOASSERTION",), "noted"),
        (("MIT", "NONE"), "noted"),
        (("made up",), "noted"),
        (("MIT OR made-up",), "passed"),
        (("GPL-3.0-only AND (",), "noted"),  # no expression: a name that nobody knows
    ],
)
def test_what_an_allow_list_makes_of_expressions(licenses: tuple[str, ...], expected: str) -> None:
    gate = LicenseGate(allow=("MIT", "apache-2.0", "BSD-*", CLASSPATH, "LicenseRef-acme"))
    assert state(gate, *licenses) == expected


@pytest.mark.parametrize(
    ("licenses", "expected"),
    [
        (("MIT",), "passed"),
        (("AGPL-3.0-or-later",), "closed"),
        (("AGPL-3.0+",), "closed"),
        (("agpl-3.0",), "closed"),  # deprecated, and in lower case
        (("AGPL-3.0-only WITH Classpath-exception-2.0",), "closed"),
        (("MIT OR AGPL-3.0-only",), "passed"),
        (("made up",), "noted"),
    ],
)
def test_what_a_deny_list_makes_of_expressions(licenses: tuple[str, ...], expected: str) -> None:
    assert state(LicenseGate(deny=("AGPL-*",)), *licenses) == expected


def test_deny_is_above_allow_and_unknown_licenses_do_what_the_policy_says() -> None:
    assert state(LicenseGate(allow=("GPL-*",), deny=("GPL-3.0-*",)), "GPL-3.0-only") == "closed"
    for unknown, expected in (("fail", "closed"), ("warn", "noted"), ("pass", "passed")):
        assert state(LicenseGate(deny=("MIT",), unknown=unknown)) == expected  # type: ignore[arg-type]


def test_an_exception_from_licenses_holds_through_its_last_day_for_what_it_names() -> None:
    packages = [Package("readline", "8.2", "deb", ("GPL-3.0-only",)), Package("x", "1", "npm", ())]
    entry = LicenseException("read*", "legal", "used as a tool", TODAY, "gpl-3.0-only")
    gate = LicenseGate(deny=("GPL-3.0-only",), exceptions=(entry,))
    today = judge_licenses(packages, gate, TODAY)
    assert not today.reasons and "excepted until 2026-11-26 by legal: used as a tool" in today.notes[0]
    (late,) = judge_licenses(packages, gate, TOMORROW).reasons
    assert late.startswith("readline 8.2: GPL-3.0-only is denied")
    assert late.endswith("the exception of legal expired on 2026-11-26")
    other = LicenseGate(deny=gate.deny, exceptions=(LicenseException("read*", "o", "r", TODAY, "MIT"),))
    assert judge_licenses(packages, other, TODAY).reasons


def test_licenses_that_nobody_recorded_are_not_examined() -> None:
    gates = Gates(licenses=LicenseGate(deny=("MIT",)))
    old = Evidence(1, inventory=Inventory(Tool("syft", "1"), 1, {}))
    verdicts = {v.gate: v.state for v in judge(old, gates, TODAY)}
    assert verdicts["licenses"] is GateState.NOT_EXAMINED
    assert "licenses" not in {v.gate for v in judge(old, Gates(), TODAY)}


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("MIT", None),
        ("BSD-*", None),
        ("LicenseRef-acme", None),
        (CLASSPATH, None),
        ("Apache2", "did you mean Apache-2.0?"),
        ("MIT OR X11", "name each license alone"),
        ("Nothing-*", "matches no license"),
        ("Classpath-exception-2.0", "no identifier"),
    ],
)
def test_a_policy_names_licenses_that_there_are(written: str, problem: str | None) -> None:
    found = license_problem(written)
    assert found is None if problem is None else problem in (found or "")


@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from(["MIT", "GPL-3.0-only", "AND", "OR", "WITH", "(", ")"])).map(" ".join)
)
def test_any_text_is_a_license_or_none(text: str) -> None:
    parsed = parse_license(text)
    assert parsed is None or parse_license(str(parsed)) == parsed


@given(
    st.lists(
        st.builds(Package, st.text(), st.text(), st.text(), st.lists(st.text(), max_size=2).map(tuple)),
        unique=True,
    )
)
def test_packages_with_their_licenses_read_back(packages: list[Package]) -> None:
    read = packages_from_json(packages_to_json(packages))
    assert sorted(read, key=repr) == sorted(packages, key=repr)


@pytest.mark.parametrize(
    ("path", "pattern", "matches"),
    [
        ("/srv/a.pem", "/srv/a.pem", True),
        ("srv/a.pem", "/srv/*.pem", True),
        ("/srv/b/a.pem", "srv/*.pem", False),
        ("/srv/b/c/a.pem", "/srv/**/*.pem", True),
        ("/srv/a.pem", "/srv/**/*.pem", True),
        ("/srv/a.pem", "/srv/**", True),
        ("/srvx/a.pem", "/srv/**", False),
        ("/srv/a.pem", "*.pem", False),
        ("/srv/a.pem", "**/*.pem", True),
        ("/srv/certs/x/a.pem", "/srv/**/certs/**/a.pem", True),
        ("/srv/x/certs/a.pem", "/**/certs/a.pem", True),
        ("/srv/a1", "/srv/a?", True),
        ("/srv/a.b", "/srv/a[.]b", False),
        ("/srv/a\nb", "/srv/*", True),
    ],
)
def test_what_a_pattern_of_paths_matches(path: str, pattern: str, matches: bool) -> None:
    assert path_matches(path, pattern) is matches


def test_a_pattern_of_many_stars_takes_no_time() -> None:
    assert not path_matches("/" + "a" * 2000, "**" * 30 + "*a" * 3 + "b")
    assert not path_matches("/" + "a" * 2000, "*a" * 40 + "b")


def test_secrets_close_by_severity_and_place() -> None:
    key = LeakedSecret("private-key", "/srv/test/key.pem", Severity.HIGH)
    jwt = LeakedSecret("jwt-token", "/app/jwt", Severity.MEDIUM)
    allowed = AllowedSecret("/srv/test/**", "me", "a sample", TODAY, "private-key")
    gate = SecretGate((Severity.CRITICAL, Severity.HIGH), (allowed,))
    today = judge_secrets([key, jwt], gate, TODAY)
    assert not today.reasons
    assert today.notes == (
        "private-key in /srv/test/key.pem allowed until 2026-11-26 by me: a sample",
        "jwt-token in /app/jwt (MEDIUM)",
    )
    late = judge_secrets([key], gate, TOMORROW).reasons
    assert late == ("private-key in /srv/test/key.pem; /srv/test/** of me was allowed until 2026-11-26",)
    other = LeakedSecret("github-pat", "/srv/test/key.pem", Severity.CRITICAL)
    assert judge_secrets([other], gate, TODAY).reasons == ("github-pat in /srv/test/key.pem",)


BASE = SizedLayer("sha256:base", 50_000_000, "debian.sh", base="debian:12")
BASE_TOO = SizedLayer("sha256:base2", 10_000_000, "RUN x", base="debian:12")
TOOLS = SizedLayer("sha256:tools", 30_000_000, "RUN   apt-get install gcc", "images/a/Dockerfile.tmpl:3")
SMALL = SizedLayer("sha256:small", 900, "COPY /rootfs/ /")


@pytest.mark.parametrize(
    ("gate", "published", "closes", "notes"),
    [
        (SizeGate(max=100), None, 0, 0),
        (SizeGate(max=99), None, 1, 0),
        (SizeGate(target=99), None, 0, 1),
        (SizeGate(target=99, max=100), None, 0, 1),
        (SizeGate(target=50, max=99), None, 1, 0),
        (SizeGate(growth=Growth(percent=Decimal(10))), None, 0, 0),
        (SizeGate(growth=Growth(percent=Decimal(10))), 91, 0, 0),
        (SizeGate(growth=Growth(percent=Decimal(10))), 90, 1, 0),
        (SizeGate(growth=Growth(percent=Decimal("11.2"))), 90, 0, 0),
        (SizeGate(growth=Growth(10)), 90, 0, 0),
        (SizeGate(growth=Growth(10)), 89, 1, 0),
        (SizeGate(growth=Growth(0)), 200, 0, 0),
        (SizeGate(max=99, growth=Growth(0)), 98, 2, 0),
    ],
)
def test_an_image_of_100_bytes(gate: SizeGate, published: int | None, closes: int, notes: int) -> None:
    before = None if published is None else PublishedImage("r/a:1", published)
    judged = judge_size(100, gate, (), before)
    assert (len(judged.reasons), len(judged.notes)) == (closes, notes)
    assert is_exceeded(100, gate, before) is bool(closes or notes)


def test_a_size_is_blamed_on_layers_and_growth_on_new_ones() -> None:
    layers = (BASE, BASE_TOO, TOOLS, SMALL)
    (reason,) = judge_size(100, SizeGate(max=1), layers).reasons
    assert reason == (
        "100 bytes compressed, 99 more than the limit of 1; largest layers: 60.0 MB of its base debian:12, "
        "30.0 MB by RUN apt-get install gcc (images/a/Dockerfile.tmpl:3), 900 bytes by COPY /rootfs/ /"
    )
    before = PublishedImage("r/a:1", 80, frozenset({BASE.digest, BASE_TOO.digest}))
    (reason,) = judge_size(100, SizeGate(growth=Growth(percent=Decimal(5))), layers, before).reasons
    assert "20 more than r/a:1, 16 more than growth (5%) allows; largest new layers: 30.0 MB by RUN" in reason
    assert "debian" not in reason


def test_required_tests_close_an_image_that_has_none() -> None:
    def found(gates: Gates, evidence: Evidence, *, untested: bool) -> list[GateState]:
        verdicts = judge(evidence, gates, TODAY, GateContext(untested=untested))
        return [v.state for v in verdicts if v.gate == "tests"]

    tested = Evidence(1, tests=TestReport(Tool("t", "1"), (TestCase("a", True),)))
    required = Gates(tests="required")
    assert found(required, Evidence(1), untested=True) == [GateState.CLOSED]
    assert found(Gates(), Evidence(1), untested=True) == []
    assert found(required, tested, untested=False) == [GateState.PASSED]
    assert found(required, Evidence(1), untested=False) == []  # not run yet


def test_a_closed_gate_says_what_opens_it_and_an_open_one_nothing() -> None:
    evidence = Evidence(100, inventory=Inventory(Tool("syft", "1"), 0, {}, licensed=()))
    gates = Gates(size=SizeGate(max=1), tests="required", licenses=LicenseGate(deny=("MIT",)))
    for verdict in judge(evidence, gates, TODAY, GateContext(untested=True)):
        assert (verdict.hint is None) is verdict.passed


GATES = [
    Gates(),
    Gates(secrets=SecretGate((Severity.HIGH,), (AllowedSecret("/a", "o", "r", TODAY, "x"),))),
    Gates(secrets=SecretGate(())),
    Gates(size=SizeGate(3, 2, Growth(percent=Decimal("2.5")))),
    Gates(size=SizeGate(growth=Growth(1000)), tests="required"),
    Gates(licenses=LicenseGate(("MIT",), ("GPL-*",), "fail", (LicenseException("a", "o", "r", TODAY),))),
]


@pytest.mark.parametrize("gates", GATES)
def test_gates_read_back(gates: Gates) -> None:
    assert Gates.from_json(gates.to_json()) == gates
