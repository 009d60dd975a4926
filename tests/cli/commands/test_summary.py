"""`ci summary`: reports of other jobs, which may be anything, on the page of the run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from pipeline.report.data import report_json
from tests.report import sample
from tests.tools import warm

ARM = replace(sample.APP, id="app/1.0.0/linux-arm64", platform="linux/arm64", status="built", verdicts=())


def summarize(tmp_path: Path, *arguments: str, **env: str) -> warm.Ended:
    return warm.run(
        ["ci", "summary", "jobs", *arguments],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), **env},
    )


def test_jobs_on_one_page(tmp_path: Path) -> None:
    """Those that can be read; of the others, a warning and the number."""
    jobs = tmp_path / "jobs"
    for name, content in {
        "reports-a": report_json(replace(sample.REPORT, images=())),
        "reports-b/reports": report_json(replace(sample.REPORT, targets=(ARM,))),
        "reports-c": "{}",
        "reports-d": "{" * 100_000,
    }.items():
        (jobs / name).mkdir(parents=True)
        (jobs / name / "report.json").write_text(content)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/report.json").write_text(report_json(sample.REPORT))
    (jobs / "reports-e").symlink_to(tmp_path / "secret")
    (jobs / "reports-f").mkdir()
    (jobs / "reports-f/report.json").symlink_to(tmp_path / "secret/report.json")
    page = tmp_path / "page.md"
    ended = summarize(
        tmp_path, "--jobs", "7", "--reports", "merged",
        GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(page),
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert (
        "5 of 7 jobs left no report" in ended.err and "reports-f/report.json is a symbolic link" in ended.err
    )
    assert page.read_text().startswith("**5 jobs left no report**")
    assert "linux/amd64" in ended.out and "linux/arm64" in ended.out
    merged = tmp_path / "merged"
    assert {file.name for file in merged.iterdir()} == {
        "index.html",
        "report.json",
        "summary.md",
        "junit.xml",
    }
    assert [t["platform"] for t in json.loads((merged / "report.json").read_text())["targets"]] == [
        "linux/amd64", "linux/arm64", "linux/amd64", "linux/amd64"
    ]  # fmt: skip


def test_nothing_to_merge(tmp_path: Path) -> None:
    missing = summarize(tmp_path)
    assert missing.code == 2 and "name the folder with the jobs' reports" in missing.err
    (tmp_path / "jobs").mkdir()
    assert "no report below jobs" in summarize(tmp_path).err
    for name in ("a", "b"):
        (tmp_path / "jobs" / name).mkdir()
        report = replace(sample.REPORT, project=name)
        (tmp_path / "jobs" / name / "report.json").write_text(report_json(report))
    assert "reports of two projects" in summarize(tmp_path).err
