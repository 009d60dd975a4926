"""Problems where a CI shows them: GitHub's workflow commands on stderr, GitLab's Code Quality report in a file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pipeline.cli.output.annotations import JobAnnotation, code_quality, of_problem, workflow_command
from pipeline.errors import Problem
from tests.tools import warm

PROJECT = "version: 1\nproject: demo\nbases: [debian:12]\n"
BAD = {
    "lockage.yml": PROJECT + "polcy: {}\n",
    "images/a/image.yml": "tags: [1.0.0]\ntag: x\n",
    "images/a/Dockerfile.tmpl": "FROM debian:12\n",
}
WARNS = {
    "lockage.yml": PROJECT,
    "images/a/image.yml": "tags: [1.0.0]\n",
    "images/a/Dockerfile.tmpl": "FROM debian:12\n",
    "images/a/rootfs/.env": "A=1\n",
}


def put(root: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return root


def lockage(tmp_path: Path, *arguments: str, cwd: Path, expect: int, **env: str) -> warm.Ended:
    keep = {
        k: v for k, v in os.environ.items() if not k.startswith(("LOCKAGE_", "GITHUB_", "GITLAB_", "CI_"))
    }
    home = {"LOCKAGE_HOME": str(tmp_path / "home"), "LOCKAGE_CACHE": str(tmp_path / "cache")}
    done = warm.run(arguments, cwd=cwd, env={**keep, **home, **env})
    assert done.code == expect, done.err
    return done


def commands(done: warm.Ended) -> list[str]:
    return [line for line in done.err.splitlines() if line.startswith("::")]


def test_github_gets_every_problem_at_its_place_in_the_checkout(tmp_path: Path) -> None:
    put(tmp_path / "checkout/deep", BAD)
    env = {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(tmp_path / "checkout")}
    expected = [
        "::error file=deep/images/a/image.yml,line=2,col=1,title=lockage::tag: is not a known key (did you mean tags?)",
        "::error file=deep/lockage.yml,line=4,col=1,title=lockage::polcy: is not a known key (did you mean policy?)",
    ]
    there = lockage(tmp_path, "plan", cwd=tmp_path / "checkout/deep", expect=3, **env)
    assert commands(there) == expected
    from_above = lockage(tmp_path, "-C", "checkout/deep", "plan", "--json", cwd=tmp_path, expect=3, **env)
    assert commands(from_above) == expected
    assert len(json.loads(from_above.out)["error"]["problems"]) == 2


def test_a_missing_file_is_named_below_the_checkout(tmp_path: Path) -> None:
    (tmp_path / "checkout/deep").mkdir(parents=True)
    done = lockage(tmp_path, "-C", "deep", "plan", cwd=tmp_path / "checkout", expect=3, GITHUB_ACTIONS="true")
    assert commands(done) == ["::error file=deep/lockage.yml,title=lockage::is missing"]


def test_warnings_of_a_plan_are_warnings(tmp_path: Path) -> None:
    root = put(tmp_path / "c", WARNS)
    done = lockage(tmp_path, "plan", cwd=root, expect=0, GITHUB_ACTIONS="true")
    assert commands(done) == [
        "::warning file=images/a/Dockerfile.tmpl,title=a/1.0.0/linux-amd64::"
        "images/a/rootfs/.env looks like a secret and goes into the image"
    ]


def test_elsewhere_nobody_sees_commands(tmp_path: Path) -> None:
    root = put(tmp_path / "c", BAD)
    assert commands(lockage(tmp_path, "plan", cwd=root, expect=3)) == []
    assert commands(lockage(tmp_path, "plan", cwd=root, expect=3, GITHUB_ACTIONS="false")) == []


FIELDS = {"description", "check_name", "fingerprint", "severity", "location"}


def test_gitlab_gets_a_report_and_an_empty_one_when_all_is_well(tmp_path: Path) -> None:
    root = put(tmp_path / "c", BAD)
    report = tmp_path / "out/quality.json"
    lockage(tmp_path, "plan", "--code-quality", str(report), cwd=root, expect=3)
    found = json.loads(report.read_text())
    assert [(f["location"]["path"], f["location"]["lines"]["begin"]) for f in found] == [
        ("images/a/image.yml", 2),
        ("lockage.yml", 4),
    ]
    assert all(set(f) == FIELDS and f["severity"] == "blocker" for f in found)
    put(root, {k: v for k, v in WARNS.items() if "rootfs" not in k})
    env = {"LOCKAGE_CODE_QUALITY": str(report)}
    lockage(tmp_path, "status", cwd=root, expect=0, **env)
    assert json.loads(report.read_text()) == found, (
        "a command that reads no catalogue has nothing to say of it"
    )
    lockage(tmp_path, "generate", cwd=root, expect=0, **env)
    assert json.loads(report.read_text()) == []
    assert sorted(p.name for p in report.parent.iterdir()) == ["quality.json"]


def test_a_report_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    root = put(tmp_path / "c", BAD)
    (tmp_path / "file").write_text("")
    report = str(tmp_path / "file" / "report.json")
    done = lockage(tmp_path, "plan", "--code-quality", report, cwd=root, expect=3)
    assert "2 problems in the configuration" in done.err and f"cannot write {report}" in done.err


def test_a_report_is_not_written_where_the_checkout_points(tmp_path: Path) -> None:
    """A folder of the checkout that is a link, and links with the names that scratch files might have."""
    root = put(tmp_path / "c", BAD)
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "gl.json").write_text("precious")
    for name in (".gl.json.new", ".gl.json.part", "gl.json"):
        (root / name).symlink_to(victim / "gl.json")
    (root / "reports").symlink_to(victim)
    lockage(tmp_path, "plan", "--code-quality", "gl.json", cwd=root, expect=3)
    assert not (root / "gl.json").is_symlink() and json.loads((root / "gl.json").read_text())
    for report in ("reports/gl.json", str(root / "reports/new.json"), "images/../reports/gl.json"):
        done = lockage(tmp_path, "plan", "--code-quality", report, cwd=root, expect=3)
        assert "reports is a symbolic link" in done.err
    assert [(p.name, p.read_text()) for p in victim.iterdir()] == [("gl.json", "precious")]


ESCAPES = [
    ("a\nb", "a%0Ab", "a%0Ab"),
    ("a\r\nb", "a%0D%0Ab", "a%0D%0Ab"),
    ("100%", "100%25", "100%25"),
    ("%0A", "%250A", "%250A"),
    ("a:b,c", "a:b,c", "a%3Ab%2Cc"),
    ("::error::x", "::error::x", "%3A%3Aerror%3A%3Ax"),
]


@pytest.mark.parametrize(("text", "message", "value"), ESCAPES)
def test_what_github_would_read_otherwise_is_escaped(text: str, message: str, value: str) -> None:
    command = workflow_command(JobAnnotation("error", text, 1, 2, text, text))
    assert command == f"::error file={value},line=1,col=2,title={value}::{message}"


def test_fingerprints_survive_an_edit_above_and_tell_two_apart() -> None:
    def note(line: int, message: str = "m") -> JobAnnotation:
        return of_problem(Problem("images/a/image.yml", line, 1, "k", message), Path(), {})

    first, second = code_quality([note(1), note(9)])
    assert first["fingerprint"] != second["fingerprint"]
    assert code_quality([note(5)])[0]["fingerprint"] == first["fingerprint"]
    assert code_quality([note(1, "other")])[0]["fingerprint"] != first["fingerprint"]
    assert code_quality([note(0)])[0]["location"]["lines"] == {"begin": 1}
