"""Grace, scores, lists of exploited vulnerabilities and VEX: what closes the gate, and what the reasons say."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import Digest, Gates, Ignore, Severity, VulnerabilityGate
from pipeline.model.known_exploited import KnownExploited
from pipeline.model.vex import PackageUrl, VexDocument, VexProduct, VexStatement, VexStatus, VexSubject
from pipeline.policy import (
    Effect,
    Evidence,
    Finding,
    GateState,
    Scan,
    Tool,
    VexEvidence,
    judge,
    judge_findings,
    unnoticed,
)
from pipeline.policy.gates.context import GateContext

TODAY = date(2026, 11, 21)
CURL = "pkg:deb/debian/curl@7.88.1-10?arch=amd64&distro=debian-12.5"
HIGH = Finding("CVE-1", "curl", "7.88.1-10", "8", Severity.HIGH, "", "2026-11-11", 7.5, (CURL,))
LOW = replace(HIGH, severity=Severity.LOW)
NONE = Digest("sha256:" + "0" * 64)
LISTED = KnownExploited("kev.json", NONE, "1", frozenset({"CVE-1"}))


def grace(days: int, severity: Severity = Severity.HIGH) -> VulnerabilityGate:
    return VulnerabilityGate(grace=((severity, days),))


def document(*statements: VexStatement, origin: str = "a.json") -> VexDocument:
    return VexDocument(origin, NONE, statements)


def statement(status: VexStatus, *products: VexProduct, ids: tuple[str, ...] = ("CVE-1",)) -> VexStatement:
    return VexStatement(frozenset(ids), status, "component_not_present", products)


ONE, OTHER = frozenset({"sha256:" + "1" * 64}), frozenset({"sha256:" + "2" * 64})
P_CURL, P_WGET = map(PackageUrl.parse, ("pkg:deb/debian/curl", "pkg:deb/debian/wget"))
ANY_CURL = VexProduct(PackageUrl.parse("pkg:deb/debian/curl"))
AWAY = statement(VexStatus.NOT_AFFECTED, ANY_CURL)


@pytest.mark.parametrize(
    ("finding", "gate", "effect"),
    [
        (HIGH, grace(10), Effect.GRACE),
        (HIGH, grace(9), Effect.CLOSES),
        (HIGH, grace(0), Effect.CLOSES),
        (HIGH, grace(10, Severity.CRITICAL), Effect.CLOSES),
        (replace(HIGH, published=""), grace(3650), Effect.CLOSES),
        (replace(HIGH, published="2026-11-22"), grace(3650), Effect.CLOSES),
        (LOW, VulnerabilityGate(cvss=7.5), Effect.CLOSES),
        (LOW, VulnerabilityGate(cvss=7.6), Effect.PASSES),
        (replace(LOW, cvss=None), VulnerabilityGate(cvss=0.1), Effect.PASSES),
        (LOW, VulnerabilityGate(cvss=7.5, grace=((Severity.LOW, 10),)), Effect.GRACE),
        (LOW, VulnerabilityGate(known_exploited=(LISTED,)), Effect.CLOSES),
        (replace(LOW, id="CVE-2"), VulnerabilityGate(known_exploited=(LISTED,)), Effect.PASSES),
        (HIGH, replace(grace(10), known_exploited=(LISTED,)), Effect.CLOSES),
        (replace(LOW, fixed=""), VulnerabilityGate(known_exploited=(LISTED,), unfixed="warn"), Effect.CLOSES),
        (HIGH, VulnerabilityGate(vex=(document(AWAY),)), Effect.VEX),
        (LOW, VulnerabilityGate(vex=(document(AWAY),)), Effect.PASSES),
        (LOW, VulnerabilityGate(vex=(document(AWAY),), known_exploited=(LISTED,)), Effect.VEX),
        (replace(HIGH, id="CVE-2"), VulnerabilityGate(vex=(document(AWAY),)), Effect.CLOSES),
        (HIGH, VulnerabilityGate(vex=(document(statement(VexStatus.FIXED, ANY_CURL)),)), Effect.VEX),
        (HIGH, VulnerabilityGate(vex=(document(statement(VexStatus.AFFECTED, ANY_CURL)),)), Effect.CLOSES),
    ],
)
def test_effects(finding: Finding, gate: VulnerabilityGate, effect: Effect) -> None:
    (judged,) = judge_findings([finding], gate, TODAY)
    assert judged.effect is effect
    assert bool(unnoticed([finding], gate)) is (effect is Effect.PASSES)
    assert bool(judged.why) is effect.takes_out


@pytest.mark.parametrize("status", [VexStatus.AFFECTED, VexStatus.UNDER_INVESTIGATION])
def test_of_contradicting_statements_the_worse_counts_wherever_they_are(status: VexStatus) -> None:
    other = statement(status, ANY_CURL, ids=("GHSA-1", "CVE-1"))
    for gate in (
        VulnerabilityGate(vex=(document(AWAY, other),)),
        VulnerabilityGate(vex=(document(other), document(AWAY, origin="b.json"))),
    ):
        (judged,) = judge_findings([HIGH], gate, TODAY)
        assert judged.effect is Effect.CLOSES and judged.vex == other
    attested = VexEvidence(documents=(document(other, origin="attested"),))
    (verdict, _) = judge(
        Evidence(1, scan=Scan(Tool("t", "1"), (HIGH,), ())),
        Gates(VulnerabilityGate(vex=(document(AWAY),))),
        TODAY,
        GateContext(vex=attested),
    )
    assert f"VEX of attested: {status}" in verdict.reasons[0]


@pytest.mark.parametrize(
    ("product", "purls", "opens"),
    [
        (ANY_CURL, (CURL,), True),
        (VexProduct(PackageUrl.parse("pkg:deb/debian/curl@7.88.1-10?arch=amd64")), (CURL,), True),
        (VexProduct(PackageUrl.parse("pkg:deb/debian/curl@7.88.1-11")), (CURL,), False),
        (VexProduct(PackageUrl.parse("pkg:deb/debian/curl?arch=arm64")), (CURL,), False),
        (VexProduct(PackageUrl.parse("pkg:deb/ubuntu/curl")), (CURL,), False),
        (ANY_CURL, (CURL, "pkg:pypi/curl@1"), False),  # the same name and version of another ecosystem
        (ANY_CURL, (), False),
        (ANY_CURL, ("", CURL), False),
        (VexProduct(PackageUrl.parse("pkg:oci/a?repository_url=r.io/x/a")), (), True),
        (VexProduct(PackageUrl.parse("pkg:oci/a?repository_url=r.io/x/b")), (CURL,), False),
        (VexProduct(PackageUrl.parse(f"pkg:oci/a@sha256%3A{'1' * 64}")), (CURL,), True),
        (VexProduct(PackageUrl.parse(f"pkg:oci/a@sha256%3A{'2' * 64}")), (CURL,), False),
        (
            VexProduct(PackageUrl.parse(f"pkg:oci/a@sha256%3A{'2' * 64}?repository_url=r.io/x/a")),
            (CURL,),
            False,
        ),
        (VexProduct(PackageUrl.parse("pkg:oci/a")), (CURL,), False),
        (VexProduct(PackageUrl.parse("pkg:oci/a?repository_url=r.io/x/a"), ONE), (CURL,), True),
        (VexProduct(PackageUrl.parse("pkg:oci/a?repository_url=r.io/x/a"), OTHER), (CURL,), False),
        (VexProduct(PackageUrl.parse("pkg:oci/a?repository_url=r.io/x/b"), ONE), (CURL,), False),
        (VexProduct(digests=ONE), (CURL,), True),
        (
            VexProduct(digests=ONE, packages=(P_WGET,)),
            (CURL,),
            False,
        ),
        (
            VexProduct(digests=ONE, packages=(P_CURL,)),
            (CURL,),
            True,
        ),
        (
            VexProduct(PackageUrl.parse("pkg:deb/debian/curl"), packages=(P_CURL,)),
            (CURL,),
            False,
        ),
    ],
)
def test_products_are_packages_or_images(product: VexProduct, purls: tuple[str, ...], opens: bool) -> None:
    subject = VexSubject(frozenset({"sha256:" + "1" * 64}), frozenset({"r.io/x/a"}))
    gate = VulnerabilityGate(vex=(document(statement(VexStatus.NOT_AFFECTED, product)),))
    (judged,) = judge_findings([replace(HIGH, purls=purls)], gate, TODAY, VexEvidence(subject))
    assert judged.effect is (Effect.VEX if opens else Effect.CLOSES)


def test_what_keeps_a_finding_needs_to_mean_one_of_its_packages_only() -> None:
    keeps = statement(VexStatus.AFFECTED, ANY_CURL)
    whole = statement(VexStatus.NOT_AFFECTED, ANY_CURL, VexProduct(PackageUrl.parse("pkg:pypi/curl")))
    gate = VulnerabilityGate(vex=(document(whole, keeps),))
    two = replace(HIGH, purls=(CURL, "pkg:pypi/curl@1"))
    assert judge_findings([two], gate, TODAY)[0].effect is Effect.CLOSES
    assert judge_findings([two], VulnerabilityGate(vex=(document(whole),)), TODAY)[0].effect is Effect.VEX


def verdict(finding: Finding, gate: VulnerabilityGate, edition: int = 2, **known: object):  # type: ignore[no-untyped-def]
    scan = Scan(Tool("trivy", "1"), (finding,), (), edition=edition)
    around = GateContext(vex=VexEvidence(**known))  # type: ignore[arg-type]
    return judge(Evidence(1, scan=scan), Gates(gate), TODAY, around)[0]


def test_reasons_say_what_would_have_opened_the_gate() -> None:
    assert verdict(HIGH, VulnerabilityGate()).reasons == (
        "CVE-1 HIGH in curl 7.88.1-10 (fixed in 8); curl 8, an ignore or a VEX statement opens it",
    )
    (late,) = verdict(HIGH, grace(3)).reasons
    assert "; its grace ended on 2026-11-14; " in late
    (dateless,) = verdict(replace(HIGH, published="", fixed=""), grace(3)).reasons
    assert "no grace, as its day of publication is unknown" in dateless and "no fix yet" in dateless
    (scored,) = verdict(LOW, VulnerabilityGate(cvss=7.0)).reasons
    assert "its CVSS score is 7.5" in scored
    (exploited,) = verdict(LOW, VulnerabilityGate(known_exploited=(LISTED,))).reasons
    assert "known to be exploited" in exploited
    expired = Ignore("CVE-1", "me", "why", TODAY - timedelta(1))
    assert "a new expiry of the ignore" in verdict(HIGH, VulnerabilityGate(ignore=(expired,))).reasons[0]


def test_notes_say_what_takes_a_finding_out() -> None:
    assert verdict(HIGH, grace(10)).notes == (
        "CVE-1 in curl has grace until 2026-11-21: published on 2026-11-11",
    )
    assert verdict(HIGH, VulnerabilityGate(vex=(document(AWAY),))).notes == (
        "CVE-1 in curl ignored by VEX of a.json: component_not_present",
    )
    unscored = verdict(replace(LOW, cvss=None), VulnerabilityGate(cvss=7.0))
    assert unscored.passed and unscored.notes == (
        "1 finding without a CVSS score: CVE-1; only fail_on can close on them",
    )


def test_scores_that_were_never_kept_are_not_examined() -> None:
    old = verdict(replace(LOW, cvss=None), VulnerabilityGate(cvss=7.0), edition=1)
    assert old.state is GateState.NOT_EXAMINED and "earlier version kept none" in old.reasons[0]
    assert verdict(replace(LOW, cvss=None), VulnerabilityGate(), edition=1).passed


def test_attested_vex_that_cannot_be_read_is_not_examined() -> None:
    missed = verdict(LOW, VulnerabilityGate(), faults=("VEX attested on x: no JSON",))
    assert missed.state is GateState.NOT_EXAMINED and missed.reasons == ("VEX attested on x: no JSON",)


def test_findings_of_earlier_records_have_no_grace() -> None:
    data = Evidence(1, scan=Scan(Tool("trivy", "1"), (HIGH,), ())).to_json()
    scan = data["scan"]
    assert isinstance(scan, dict)
    del scan["edition"]
    for name in ("published", "cvss", "purls"):
        del scan["findings"][0][name]
    old = Evidence.from_json(data).scan
    assert (
        old
        and old.edition == 1
        and judge_findings(old.findings, grace(3650), TODAY)[0].effect is Effect.CLOSES
    )


days = st.integers(0, 400)
gates = st.builds(
    VulnerabilityGate,
    grace=st.dictionaries(st.sampled_from(Severity), days).map(lambda d: tuple(d.items())),
    cvss=st.none() | st.sampled_from([4.0, 7.5, 9.0]),
    known_exploited=st.sampled_from([(), (LISTED,)]),
    vex=st.lists(
        st.builds(lambda status: document(statement(status, ANY_CURL)), st.sampled_from(VexStatus)),
        max_size=3,
    ).map(tuple),
)


@given(gates, st.sampled_from(Severity))
def test_more_vex_that_affects_never_opens_and_a_list_never_either(
    gate: VulnerabilityGate, severity: Severity
) -> None:
    finding = replace(HIGH, severity=severity)
    stricter = replace(
        gate,
        vex=(*gate.vex, document(statement(VexStatus.AFFECTED, ANY_CURL))),
        known_exploited=(LISTED,),
    )
    assert judge_findings([finding], stricter, TODAY)[0].effect is Effect.CLOSES
