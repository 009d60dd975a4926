"""What holds for every pair of reports that are joined."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.policy.reports import trivy_scan
from pipeline.policy.scanners.grype import GrypeReport
from pipeline.policy.scanners.join import joined

from .test_join import TRIVY, join, match, trivy, vulnerability

IDS = st.sampled_from([f"CVE-2099-{n}" for n in range(4)] + ["GHSA-a", "GHSA-b"])


@given(
    ours=st.lists(IDS, max_size=4, unique=True),
    theirs=st.lists(st.tuples(IDS, st.lists(IDS, max_size=2)), max_size=4),
)
def test_nothing_is_lost_and_nothing_is_milder(ours: list[str], theirs: list[tuple[str, list[str]]]) -> None:
    report = trivy(*map(vulnerability, ours))
    alone = trivy_scan(report, TRIVY).findings
    found = join(report, *(match(id, related=related) for id, related in theirs))
    ids = {id for finding in found for id in finding.ids}
    assert {*ours} <= {finding.id for finding in found}
    for id, related in theirs:
        names = {name for name in (id, *related) if name.startswith("CVE-")} or {id}
        assert names <= ids
    severities = {finding.id: finding.severity.rank for finding in found}
    assert all(severities[finding.id] >= finding.severity.rank for finding in alone)
    assert len({finding.id for finding in found}) == len(found)


def test_an_empty_report_of_grype_leaves_trivy_s_findings() -> None:
    before = trivy_scan(trivy(vulnerability()), TRIVY).findings
    after = trivy_scan(joined(trivy(vulnerability()), GrypeReport(()), alone=False), TRIVY).findings
    assert [(f.id, f.severity) for f in after] == [(f.id, f.severity) for f in before]
    assert after[0].scanners == ("trivy",) and before[0].scanners == ()
