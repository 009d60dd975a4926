"""Reports of what was published in a real registry: what they know, where they go, what they cost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from pipeline.cli.reports.destinations import Destinations
from pipeline.cli.reports.write import collector_of, write, write_run
from pipeline.errors import EnvironmentProblem, RegistryError
from pipeline.model import Severity
from pipeline.policy import Effect, Finding
from pipeline.policy.reports import trivy_scan
from pipeline.registry import Registry
from pipeline.report.markdown import LIMIT
from pipeline.reporting.collect import Collected
from pipeline.reporting.images import report_images
from pipeline.run import RunResult, Stage
from pipeline.state.records import Records
from pipeline.trust import PublicKey
from tests.stages.fleet import Fleet, make_fleet, plan, recorded
from tests.tools.signing.bundles import OTHER_KEY, public

pytestmark = [pytest.mark.real, pytest.mark.anyio]

FOUND = {
    "VulnerabilityID": "CVE-2099-0001",
    "PkgName": "curl",
    "InstalledVersion": "1",
    "FixedVersion": "2",
    "Severity": "MEDIUM",
    "PublishedDate": "2026-10-19T00:00:00Z",
    "PkgIdentifier": {"PURL": "pkg:deb/debian/curl@1"},
}
REPORT = {
    "SchemaVersion": 2,
    "CreatedAt": "2026-11-26T08:00:00Z",
    "Metadata": {"OS": {"Family": "debian", "Name": "12.5"}},
    "Results": [{"Class": "os-pkgs", "Type": "debian", "Vulnerabilities": [FOUND]}],
}


@pytest.fixture
async def fleet(olareg: str, registry: Registry, tmp_path: Path) -> Fleet:
    """One image tag of two platforms, each with a finding that its gate passes."""
    made = await make_fleet(registry, plan(olareg), tmp_path / "fleet")
    records = Records(made.context.store(), made.context.plan.targets)
    for target in made.context.plan.targets:
        record = await records.find(target.key or "")
        assert record and record.evidence.scan
        raw = json.dumps(REPORT).encode()
        scan = trivy_scan(raw, record.evidence.scan.tool)
        await records.write(
            replace(record, evidence=replace(record.evidence, scan=scan)), {"trivy-json": raw}
        )
    return made


async def collected(
    fleet: Fleet, environ: Mapping[str, str] = MappingProxyType({})
) -> tuple[RunResult, Collected]:
    result = await fleet.run(Stage.SIGN)
    assert not result.faults
    return result, await collector_of(fleet.context, environ, whole=True).of_run("sign", result)


async def test_the_report_of_a_run(fleet: Fleet) -> None:
    result, made = await collected(fleet)
    assert result.unnoticed == {"MEDIUM": 2}
    first = made.report.targets[0]
    (finding,) = first.findings
    expected = Finding("CVE-2099-0001", "curl", "1", "2", Severity.MEDIUM)
    purls = ("pkg:deb/debian/curl@1",)
    assert finding.finding == replace(expected, published="2026-10-19", purls=purls)
    assert (finding.effect, finding.details.published) == (Effect.PASSES, "2026-10-19")
    assert finding.since == "2026-11-26", "signed by this run"
    assert first.reference == f"{first.repository}@{first.digest}" and "/dev/app@sha256:" in first.reference
    assert first.scan.distribution == "debian 12.5"
    assert first.location and first.location.path == "images/app/Dockerfile.tmpl"
    (image,) = made.report.images
    pushed = result.images[0].pushed
    assert pushed and image.signed and image.reference == str(pushed.by_digest)


async def test_the_records_know_the_same(fleet: Fleet) -> None:
    _, made = await collected(fleet)
    known = await collector_of(fleet.context, {}, whole=True).of_records("report")
    assert [target.findings for target in known.report.targets] == [t.findings for t in made.report.targets]
    assert {target.status for target in known.report.targets} == {"known"}
    assert known.documents == made.documents and len(known.documents) == 2


async def test_a_target_that_nobody_built_is_unknown(fleet: Fleet) -> None:
    target = replace(fleet.context.plan.targets[0], key="0" * 64)
    context = replace(fleet.context, plan=replace(fleet.context.plan, targets=(target,)))
    found = await collector_of(context, {}, whole=True).of_records("report")
    (report,) = found.report.targets
    assert (report.status, report.digest, report.evidence) == ("unknown", "", None)


async def test_a_report_that_is_lost_leaves_what_the_gates_judged(fleet: Fleet) -> None:
    result, _ = await collected(fleet)
    bare = [replace(t, record=replace(t.record, documents={})) for t in result.targets if t.record]
    made = await collector_of(fleet.context, {}, whole=True).of_run(
        "sign", replace(result, targets=tuple(bare))
    )
    assert [len(target.findings) for target in made.report.targets] == [1, 1] and made.documents == {}


async def test_a_summary_alone_requests_nothing(fleet: Fleet, tmp_path: Path) -> None:
    result, _ = await collected(fleet)
    requests = recorded(fleet.context.registry)
    step = tmp_path / "step.md"
    await write_run(fleet.context, "sign", result, Destinations(None, step, {}))
    assert requests == [] and "2 findings pass unnoticed: 2 medium" in step.read_text()


async def test_reports_are_files_with_bills_of_materials_beside_them(fleet: Fleet, tmp_path: Path) -> None:
    _, made = await collected(fleet)
    await write(fleet.context, made, Destinations(tmp_path / "reports", None, {}))
    files = {
        path.relative_to(tmp_path / "reports").as_posix() for path in (tmp_path / "reports").rglob("*.*")
    }
    assert files >= {"index.html", "report.json", "sbom/app_1.2.3_linux-amd64.cdx.json", "lockage.sarif"}
    target = made.report.targets[0].id
    document = await fleet.context.registry.blob(*made.documents[target])
    assert (tmp_path / "reports/sbom/app_1.2.3_linux-amd64.cdx.json").read_bytes() == document


async def test_gitlab_gets_a_link_to_the_page(fleet: Fleet, tmp_path: Path) -> None:
    environ = {
        "GITLAB_CI": "true",
        "CI_JOB_URL": "https://gitlab.example/job/7",
        "CI_PROJECT_DIR": str(tmp_path),
    }
    _, made = await collected(fleet, environ)
    await write(fleet.context, made, Destinations(tmp_path / "out", None, environ))
    links = json.loads((tmp_path / "out/gl-annotations.json").read_text())
    assert links["lockage"][0]["external_link"]["url"].endswith("/job/7/artifacts/file/out/index.html")


@pytest.mark.parametrize("before", [0, 10, LIMIT - 5_000, LIMIT - 100])
async def test_the_summary_is_added_to_what_is_there_as_far_as_there_is_room(
    fleet: Fleet, tmp_path: Path, before: int, capsys: pytest.CaptureFixture[str]
) -> None:
    _, made = await collected(fleet)
    step = tmp_path / "step.md"
    step.write_bytes(b"x" * before)
    await write(fleet.context, made, Destinations(None, step, {}))
    assert step.read_bytes()[:before] == b"x" * before and step.stat().st_size <= LIMIT
    if before == LIMIT - 100:
        assert "no summary" in capsys.readouterr().err
    else:
        assert b"lockage sign: passed" in step.read_bytes()


async def test_a_folder_that_cannot_be_written_is_one_error(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _, made = await collected(fleet)
    (tmp_path / "file").write_text("")
    (tmp_path / "victim").mkdir()
    (tmp_path / "link").symlink_to("victim")
    for name in ("file", "link"):
        with pytest.raises(EnvironmentProblem) as caught:
            await write(fleet.context, made, Destinations(Path(name), None, {}))
        assert "--reports" in (caught.value.hint or "")
    assert list((tmp_path / "victim").iterdir()) == []


def test_where_reports_go(tmp_path: Path) -> None:
    def of(folder: Path | None, **environ: str) -> tuple[Any, Any]:
        found = Destinations.of(folder, environ)
        return found.folder, found.step_summary

    assert of(None) == (None, None) and not Destinations.of(None, {}).wanted
    assert of(None, LOCKAGE_REPORTS="out") == (Path("out"), None)
    assert of(Path("mine"), LOCKAGE_REPORTS="out") == (Path("mine"), None)
    assert of(None, GITHUB_STEP_SUMMARY="s") == (None, None), "not at GitHub"
    github = {"GITHUB_STEP_SUMMARY": "s", "GITHUB_ACTIONS": "true"}
    assert of(None, **github) == (None, Path("s"))
    assert of(None, **github, LOCKAGE_STEP_SUMMARY="off") == (None, None), "another job merges it"


async def test_what_is_attested_on_an_image(fleet: Fleet) -> None:
    result, _ = await collected(fleet)
    (image,) = result.images
    assert image.pushed
    registry = fleet.context.registry
    for key, verified in ((public(), True), (public(OTHER_KEY), False)):
        report = await report_images(registry, [image.pushed], PublicKey(key, "test"))
        assert [target.verified for target in report.targets] == [verified] * 2
        assert {target.platform for target in report.targets} == {"linux/amd64", "linux/arm64"}
        (finding,) = report.targets[0].findings
        assert finding.effect is None
        assert finding.since == ("2026-11-26" if verified else "2026-10-19"), "only what is signed is a date"


async def test_an_image_without_findings_or_without_an_image(fleet: Fleet) -> None:
    registry, key = fleet.context.registry, PublicKey(public(), "test")
    target = fleet.context.plan.targets[0]
    assert target.key
    for reference, message in (
        (fleet.context.builds.tagged(target.key), "no findings are attested on"),
        (fleet.context.builds.tagged("nothing"), "does not exist"),
    ):
        with pytest.raises(RegistryError, match=message):
            await report_images(registry, [reference], key)
