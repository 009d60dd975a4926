"""Names, values and messages of others, as the program prints them: on a terminal, in a CI's log, as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from pipeline.cli.output import console
from pipeline.cli.output.annotations import JobAnnotation, workflow_command
from pipeline.cli.output.progress import Progress
from pipeline.cli.output.run_result import print_run_result
from pipeline.errors import BuildError, ConfigError, LockageError, Problem
from pipeline.model import Platform
from pipeline.policy.verdict import Verdict
from pipeline.run.results import RunResult, Status, TargetResult
from pipeline.run.summary import describe, problems, table
from pipeline.util.progress import ProgressEvent, ProgressState
from tests.tools import warm
from tests.tools.ci.ci_logs import commands, hidden

EVIL = "a\x1b]0;title\x07\x9b2J\u202e\n::add-mask::x\r##[group]y\u2028##vso[z]\nsection_start:1:s\r\x1b[0K"
LOG = "Step 1\r\n\x1b[31mfatal\x1b[0m: no\n ::stop-commands::t\n##[error]x\n\tat line 3\n::add-mask::secret\n"
FIRST = EVIL.partition("\n")[0]
PROJECT = "version: 1\nproject: demo\nbases: [debian:12]\n"
GOOD = {
    "lockage.yml": PROJECT,
    "images/a/image.yml": "tags: [1.0.0]\n",
    "images/a/Dockerfile.tmpl": "FROM debian:12\n",
}
QUOTED = r'"a\e]0;title\a\u009b2J\u202e\n::add-mask::x\r##[group]y\u2028##vso[z]\nsection_start:1:s\r\e[0K"'
WHO = [pytest.param({}, id="terminal"), pytest.param({"GITHUB_ACTIONS": "true"}, id="github")]


def lockage(root: Path, *arguments: str, **env: str) -> warm.EndedBytes:
    """The program on a catalogue."""
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("LOCKAGE_", "GITHUB_", "CI_"))}
    home = {"LOCKAGE_HOME": str(root.parent / "home"), "LOCKAGE_CACHE": str(root.parent / "cache")}
    return warm.run_bytes(arguments, cwd=root, env={**keep, **home, **env})


def put(root: Path, files: Mapping[str, str]) -> Path:
    for path, text in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return root


def inert(text: str) -> str:
    """A text that neither a terminal nor a CI acts on; annotations of this program are left out, if they are sound."""
    own = [line for line in text.split("\n") if line.startswith(("::error file=", "::warning file="))]
    others = "\n".join(line for line in text.split("\n") if line not in own)
    assert not hidden(text, but="\n\t") and not commands(others), text
    return others


FAULTS = {
    "a key": {"lockage.yml": f"{PROJECT}{QUOTED}: 1\n"},
    "a value": {"lockage.yml": PROJECT.replace("demo", QUOTED)},
    "a base": {"lockage.yml": PROJECT.replace("debian:12", QUOTED)},
    "a tag": {"images/a/image.yml": f"tags: [{QUOTED}]\n"},
    "COPY": {"images/a/Dockerfile.tmpl": f"FROM debian:12\nCOPY {FIRST} /x\n"},
    "FROM": {"images/a/Dockerfile.tmpl": f"FROM {EVIL}\n"},
    "a template": {"images/a/Dockerfile.tmpl": "FROM debian:12\nRUN {{ versions['" + EVIL + "'] }}\n"},
    "a syntax error": {"images/a/Dockerfile.tmpl": "FROM debian:12\nRUN {{ " + EVIL + " }}\n"},
    "a folder": {f"images/{EVIL.replace('/', '')}/image.yml": "tags: [1.0.0]\n"},
}


@pytest.mark.parametrize("environ", WHO)
@pytest.mark.parametrize("name", FAULTS)
def test_errors(name: str, environ: dict[str, str], tmp_path: Path) -> None:
    root = put(tmp_path / "repo", {**GOOD, **FAULTS[name]})
    done = lockage(root, "plan", **environ)
    assert done.code == 3 and done.out == b"", done.err
    stderr = inert(done.err.decode())
    assert "Traceback" not in stderr and stderr.startswith("error: ")
    as_data = lockage(root, "plan", "--json", **environ)
    assert inert(as_data.out.decode()) and inert(as_data.err.decode())
    assert json.loads(as_data.out)["exit_code"] == 3


@pytest.mark.parametrize("environ", WHO)
def test_file_names_and_values_of_a_good_catalogue(environ: dict[str, str], tmp_path: Path) -> None:
    name = EVIL.replace("/", "")
    root = put(
        tmp_path / "repo",
        {
            **GOOD,
            "images/a/image.yml": f"tags: [1.0.0]\nversions: {{x: {QUOTED}}}\n",
            f"images/a/rootfs/{name}": "x",
            f"images/a/rootfs/{name}.pem": "-----BEGIN PRIVATE KEY-----",
        },
    )
    for arguments in (
        ("plan",),
        ("plan", "--explain", "a"),
        ("plan", "--explain-path", name),
        ("graph",),
        ("graph", "--format", "dot"),
        ("generate", "--check"),
        ("generate",),
        ("import", ".", "--output", "other", "--plan"),
    ):
        done = lockage(root, *arguments, **environ)
        assert done.code in (0, 3), done.err
        assert "Traceback" not in inert(done.err.decode())
        inert(done.out.decode())
    for arguments in (("plan",), ("plan", "--explain", "a"), ("generate", "--check", "--output", "new")):
        done = lockage(root, *arguments, "--json", **environ)
        inert(done.out.decode())
        assert r"\u009b2J" in json.dumps(json.loads(done.out))


def test_an_argument_that_is_unknown(tmp_path: Path) -> None:
    done = lockage(put(tmp_path / "repo", GOOD), "plan", f"--{EVIL}")
    assert done.code == 2 and inert(done.err.decode())


def test_the_output_of_a_failed_step_stays_readable(capsys: pytest.CaptureFixture[str]) -> None:
    error = BuildError(f"images/a/Dockerfile.tmpl:2: {EVIL}", detail=LOG, hint=EVIL)
    console.print_error(error, as_json=False)
    lines = inert(capsys.readouterr().err).splitlines()
    assert lines[1:-1] == [
        "  Step 1",
        r"  \x1b[31mfatal\x1b[0m: no",
        r"   \x3a:stop-commands::t",
        r"  #\x23[error]x",
        "  \tat line 3",
        r"  \x3a:add-mask::secret",
    ]
    assert describe(error).splitlines()[1:-1] == [line[2:] for line in lines[1:-1]]


def test_a_problem_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    error = ConfigError([Problem(EVIL, 1, 2, EVIL, EVIL, EVIL)])
    console.print_error(error, as_json=True)
    out, err = capsys.readouterr()
    assert len(inert(err).splitlines()) == 2 and len(inert(describe(error)).splitlines()) == 2
    assert json.loads(inert(out))["error"]["problems"][0]["message"] == EVIL


def test_progress(capsys: pytest.CaptureFixture[str]) -> None:
    report = Progress()
    report(ProgressEvent(EVIL, ProgressState.WARNING, EVIL))
    report.step(EVIL, EVIL)
    assert len(inert(capsys.readouterr().err).splitlines()) == 2


def test_the_result_of_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    gate = Verdict.of("tests", (EVIL, f"test failed: {EVIL}"), notes=(EVIL,))
    named = (EVIL, EVIL, EVIL, Platform("linux", "amd64"))
    result = RunResult(
        (
            TargetResult(*named, Status.CLOSED, EVIL, verdicts=(gate,)),
            TargetResult(*named, Status.FAILED, EVIL, fault=LockageError(EVIL, detail=LOG, hint=EVIL)),
            TargetResult(*named, Status.ABORTED, EVIL),
        ),
        notes=(EVIL,),
    )
    print_run_result(result, as_json=False)
    out, err = capsys.readouterr()
    assert len(inert(out).splitlines()) == 4 and inert(err)
    print_run_result(result, as_json=True)
    assert json.loads(inert(capsys.readouterr().out))["targets"][0]["id"] == EVIL
    assert len(inert(table(result)).splitlines()) == 6 and inert(problems(result))


def test_styles_are_for_terminals_and_for_our_own_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    console.message(console.Styled("error: ", console.RED), "\x1b[31mx")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    console.message(console.Styled("error: ", console.RED), "\x1b[31mx")
    assert capsys.readouterr().err == "error: \\x1b[31mx\n\x1b[31;1merror: \x1b[0m\\x1b[31mx\n"


def test_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_traceback(ValueError(EVIL))
    assert "ValueError: a" in inert(capsys.readouterr().err)


def test_an_annotation_is_one_command() -> None:
    command = workflow_command(JobAnnotation("error", EVIL, 1, 2, EVIL, EVIL))
    assert not hidden(command) and command.startswith("::error file=a")
    assert "##[" not in command and "section_start:" not in command
    assert command.rstrip().partition(" ")[2].partition("::")[2].startswith("a\\x1b]0;title")
