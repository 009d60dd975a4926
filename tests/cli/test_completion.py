"""Completion: what is offered where, without a shell (tests/real/test_shells.py has the shells)."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cli import main
from pipeline.cli.arguments import Argument, declared
from pipeline.cli.commands import ENTRIES
from pipeline.cli.completion import SHELLS, script
from pipeline.cli.completion.answer import answer
from pipeline.cli.completion.expected import PROGRAM
from pipeline.cli.completion.line import Line, of_bash, split
from pipeline.cli.completion.values import NAMES, PATHS
from pipeline.cli.parser import make_parser
from tests.catalogue.sample import put
from tests.tools import warm

from .test_options import ALL

CATALOGUE = {
    "lockage.yml": """\
version: 1
project: demo
bases: [debian:12]
environments:
  - {name: dev, repository: "dev/{image}"}
  - {name: prod, repository: "prod/{image}"}
""",
    "images/app/image.yml": "title: An app\ntags: [1.2.3, 2.0.0]\nplatforms: [linux/amd64, linux/arm64]\n",
    "images/app/Dockerfile.tmpl": "FROM base:1\n",
    "images/apple/image.yml": "tags: [1.0.0]\n",
    "images/apple/Dockerfile.tmpl": "FROM debian:12\n",
    "images/base/image.yml": "tags: [1.0.0]\nplatforms: [linux/amd64, linux/arm64]\n",
    "images/base/Dockerfile.tmpl": "FROM debian:12\n",
}


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalogue on the disk, and a home and a cache of the test's own."""
    put(tmp_path / "catalogue", CATALOGUE)
    monkeypatch.setenv("LOCKAGE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LOCKAGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path / "catalogue")
    return tmp_path / "catalogue"


def offered(*words: str) -> dict[str, str]:
    """The candidates and their descriptions, as zsh and fish get them."""
    lines = [line.partition("\t") for line in answer(Line.of_words(words))]
    return {value: description for value, _, description in lines}


def test_every_command_with_its_line_of_the_help() -> None:
    assert list(offered("")) == [entry.name for entry in ENTRIES]
    assert offered("pla")["plan"] == "show what there is to build: targets, bases, tags, keys"
    assert list(offered("policy", "")) == ["explain", "admission", "try"]
    assert offered("nothing", "") == offered("policy", "nothing", "") == {}


@pytest.mark.parametrize("name", ALL)
def test_every_option_of_every_command(name: str) -> None:
    flags = {flag for _, argument in declared(ALL[name].options) for flag in argument.flags}
    assert set(offered(*name.split(), "-")) == flags | {"-h", "--help"}
    assert set(offered("-C", "x", "-v", *name.split(), "--js")) == flags | {"-h", "--help"}


def test_the_options_of_the_program_are_those_of_its_parser() -> None:
    actions = [action for action in make_parser()._actions if action.option_strings]
    assert {tuple(a.option_strings) for a in actions} == {a.flags for a in PROGRAM} | {("-h", "--help")}
    helps = {a.option_strings[0]: a.help for a in actions}
    assert all(helps[argument.flags[0]] == argument.settings["help"] for argument in PROGRAM)


@pytest.mark.parametrize(
    ("line", "present", "absent"),
    [
        ("plan --json --", "--locked", "--json"),
        ("plan --platform linux/amd64 --", "--platform", None),
        ("plan --affected HEAD --", "--only", "--changed-files-from"),
        ("plan --affected=HEAD --", "--only", "--affected"),
        ("run -j4 --", "--only", "--jobs"),
        ("run -j 4 --", "--only", "-j"),
        ("manifest --from a b --", "--json", None),
        ("plan --nothing --", "--json", None),
    ],
)
def test_an_option_is_offered_while_it_may_be_given(line: str, present: str, absent: str | None) -> None:
    found = offered(*line.split())
    assert present in found and absent not in found


@pytest.mark.parametrize(
    ("words", "candidates"),
    [
        (("plan", "--matrix", ""), ["github", "gitlab", "jenkins", "json"]),
        (("plan", "--matr", ""), ["github", "gitlab", "jenkins", "json"]),
        (("plan", "--matrix=g"), [f"--matrix={name}" for name in ("github", "gitlab", "jenkins", "json")]),
        (("ci", "generate", ""), ["github", "gitlab", "jenkins"]),
        (("completion", ""), ["bash", "zsh", "fish"]),
        (("findings", "--severity", "h"), ["unknown", "low", "medium", "high", "critical"]),
        (("plan", "--code-quality", ""), [":files"]),
        (("plan", "--code-quality=x"), [":files"]),
        (("manifest", "--from", "a", ""), [":files"]),
        (("-C", ""), [":folders"]),
        (("generate", "--output", ""), [":folders"]),
        (("apply", ""), [":files"]),
        (("apply", "a", "b"), []),
        (("plan", "--affected", ""), []),
        (("verify", ""), []),
        (
            (
                "plan",
                "--nothing=",
            ),
            [],
        ),
    ],
)
def test_values_that_need_no_catalogue(
    words: tuple[str, ...], candidates: list[str], catalogue: Path, tmp_path: Path
) -> None:
    assert list(offered(*words)) == candidates
    assert not (tmp_path / "cache").exists()


def test_what_a_value_is_called_says_what_completes_it() -> None:
    """A new kind of value has to be put into one of the three lists."""
    free = {
        *("COMMIT", "ENTRY|DIGEST", "FOLDER=IMAGE", "FROM", "HOST/PATH", "I/N", "N", "NAME", "NAME=VALUE", "NUMBER"),
        *("PATH", "PATTERN", "PLATFORM=ADDRESS", "PLATFORM=LABEL", "REASON", "REF", "REGEXP", "SHA", "SUBJECT"),
        *("TEXT", "TIME", "TO", "TYPE", "URL", "VERSION"),
    }  # fmt: skip
    arguments = [argument for command in ALL.values() for _, argument in declared(command.options)]
    named = {
        _metavar(a) for a in arguments if not a.settings.get("choices") and (a.takes_value or not a.flags)
    }
    assert named == free | NAMES | {"SEVERITY"} | set(PATHS) - {"PATH"}


def _metavar(argument: Argument) -> str:
    return str(argument.settings.get("metavar", "NAME"))


def test_names_of_the_catalogue(catalogue: Path) -> None:
    assert offered("run", "") == {"app": "An app", "apple": "", "base": ""}
    assert offered("run", "base", "--only", "") == offered("run", "app", "")
    assert list(offered("run", "ap")) == ["app", "apple", "base"]
    assert offered("run", "app") == offered("run", "") | offered("run", "app:")
    assert offered("run", "app:1") == {
        "app:1.2.3": "",
        "app:1": "alias of 1.2.3",
        "app:1.2": "alias of 1.2.3",
        "app:2.0.0": "",
        "app:2": "alias of 2.0.0",
        "app:2.0": "alias of 2.0.0",
    }
    assert list(offered("run", "ba")) == ["app", "apple", "base", "base:1.0.0", "base:1", "base:1.0"]
    ids = ("app/1.2.3/linux-amd64", "app/1.2.3/linux-arm64", "app/2.0.0/linux-amd64", "app/2.0.0/linux-arm64")
    assert sorted(offered("plan", "--explain", "app/2")) == [*ids]
    assert offered("run", "nothing:") == offered("run", "nothing/") == {}
    assert offered("promote", "--to", "") == {"dev": "dev/{image}", "prod": "prod/{image}"}
    assert list(offered("promote", "--to=p")) == ["--to=dev", "--to=prod"]
    assert list(offered("plan", "--platform", "")) == ["linux/amd64", "linux/arm64"]
    assert list(offered("rollback", "")) == ["dev", "prod"]
    assert list(offered("rollback", "prod", "app", "")) == ["app", "apple", "base"]
    assert "--json" in offered("rollback", "prod", "--reason", "x", "-")


def test_the_folder_of_the_command(catalogue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert list(offered("-C", "catalogue", "rollback", "")) == ["dev", "prod"]
    assert list(offered("-Ccatalogue", "-v", "rollback", "")) == ["dev", "prod"]
    assert list(offered("-C", "~/catalogue", "rollback", "")) == ["dev", "prod"]
    assert list(offered("-C", "~nobody-of-this-name", "rollback", "")) == []
    assert list(offered("rollback", "")) == []


@pytest.mark.parametrize("change", ["title: [", "tags: [9.9.9]\nno: key\n", None])
def test_without_a_sound_catalogue_there_are_no_names(
    catalogue: Path, change: str | None, capfd: pytest.CaptureFixture[str]
) -> None:
    file = catalogue / ("images/app/image.yml" if change else "lockage.yml")
    file.write_text(change) if change else file.unlink()
    assert main(["__complete", "fish", "run", ""]) == 0
    assert main(["__complete", "fish", "run", "--on"]) == 0
    out, err = capfd.readouterr()
    assert "--only" in out and "app" not in out.split() and not err


def test_names_are_those_of_the_files(catalogue: Path) -> None:
    """Whatever was kept: after each change the answer is as with an empty cache."""
    assert list(offered("run", "")) == ["app", "apple", "base"]
    put(
        catalogue,
        {"images/new/image.yml": "tags: [1.0.0]\n", "images/new/Dockerfile.tmpl": "FROM debian:12\n"},
    )
    assert list(offered("run", "")) == ["app", "apple", "base", "new"]
    put(catalogue, {"images/new/image.yml": "tags: [1.0.0, 3.0.0]\n"})
    assert "new:3.0.0" in offered("run", "new:")
    put(catalogue, {"lockage.yml": CATALOGUE["lockage.yml"].replace("prod", "live")})
    assert list(offered("promote", "--to", "")) == ["dev", "live"]


def test_a_folder_of_a_version_is_a_change(catalogue: Path) -> None:
    assert "app:3.0.0" not in offered("run", "app:")
    put(catalogue, {"images/app/3/image.yml": "tags: [3.0.0]\n"})
    assert "app:3.0.0" in offered("run", "app:")


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"format": 1}', b"\xff", None])
def test_names_that_cannot_be_read_back_are_made_again(
    catalogue: Path, tmp_path: Path, content: bytes | None
) -> None:
    before = offered("run", "")
    (kept,) = (tmp_path / "cache/names").iterdir()
    if content is None:
        kept.unlink()
        kept.mkdir()
    else:
        kept.write_bytes(content)
    assert offered("run", "") == before


def test_nothing_is_written_but_the_cache(catalogue: Path, tmp_path: Path) -> None:
    before = sorted(catalogue.rglob("*"))
    assert offered("run", "")
    assert sorted(catalogue.rglob("*")) == before
    assert not (tmp_path / "home").exists()
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == ["names", "plans", "templates"]
    put(catalogue, {"lockage.lock": '{"format_version": 1, "images": {}}'})
    assert list(offered("run", "")) == ["app", "apple", "base"]


HOSTILE = [
    *("$(touch x)", "`touch x`", "a b", "a'b", 'a"b', "a;b", "a\\b", "*", "~x", "=x", "-x", "#x", "!x", "{a,b}"),
    *("a\nb", "a\tb", "\x1b[31m", ":files", "\u202ea", "é", ""),
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_word_that_a_shell_could_read_otherwise_is_not_offered(
    catalogue: Path, tmp_path: Path, name: str
) -> None:
    """The catalogue has no such names; should the cache have them, no shell sees them."""
    assert offered("run", "")
    (kept,) = (tmp_path / "cache/names").iterdir()
    stored = json.loads(kept.read_text())
    stored["names"]["images"][name] = stored["names"]["images"]["app"]
    stored["names"]["images"]["app"]["title"] = f"it is {name}"
    kept.write_text(json.dumps(stored))
    lines = list(answer(Line.of_words(["run", ""])))
    assert [line.partition("\t")[0] for line in lines] == ["app", "apple", "base"]
    assert all(line.isprintable() or line.count("\t") == 1 for line in lines)
    assert all(line.replace("\t", "").isprintable() for line in lines)


def test_a_long_title_is_cut(catalogue: Path) -> None:
    put(catalogue, {"images/apple/image.yml": f"title: {'long ' * 50}\ntags: [1.0.0]\n"})
    assert len(offered("run", "")["apple"]) == 80


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", [""]),
        ("lockage", ["lockage"]),
        ("lockage ", ["lockage", ""]),
        ("lockage  run\tpy", ["lockage", "run", "py"]),
        ("lockage 'a b' \"c d", ["lockage", "a b", "c d"]),
        ("lockage a\\ b 'c\\", ["lockage", "a b", "c\\"]),
        ("lockage '' x", ["lockage", "", "x"]),
        ("lockage ''", ["lockage", ""]),
        ('lockage "a\'b"c', ["lockage", "a'bc"]),
        ("lockage $(x y) z", ["lockage", "$(x", "y)", "z"]),
    ],
)
def test_words_of_a_line(text: str, words: list[str]) -> None:
    assert split(text) == words


@pytest.mark.parametrize(
    ("replaced", "text", "lines"),
    [
        ("sta", "lockage sta", ["status"]),
        ("", "lockage run app:", ["1.2.3", "1", "1.2", "2.0.0", "2", "2.0"]),
        ("2.", "lockage run app:2.", ["2.0.0", "2.0"]),
        ("app:2.", "lockage run 'app:2.", ["app:2.0.0", "app:2.0"]),  # one word to readline
        ("'app:2.", "lockage run 'app:2.", ["app:2.0.0", "app:2.0"]),
        ("app:2.", "lockage run app:2.", ["app:2.0.0", "app:2.0"]),  # COMP_WORDBREAKS without a colon
        ("", "lockage promote --to=", ["dev", "prod"]),
        ("pr", "lockage promote --to=pr", ["prod"]),
        ("--to=pr", "lockage promote --to=pr", ["--to=prod"]),
        ("RE", "lockage plan > RE", [":files"]),
        ("RE", "lockage plan 2>> RE", [":files"]),
        ("", "lockage", []),
    ],
)
def test_bash_replaces_what_follows_its_word_breaks(
    catalogue: Path, replaced: str, text: str, lines: list[str]
) -> None:
    found = [line.partition("\t")[0] for line in answer(of_bash(replaced, text))]
    assert found == (lines or [entry.name for entry in ENTRIES])


@pytest.mark.parametrize("arguments", [[], ["tcsh", "run", ""], ["bash"], ["bash", "x"], ["zsh"]])
def test_any_question_has_an_answer(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["__complete", *arguments]) == 0
    assert not capfd.readouterr().err


def test_a_terminal_that_has_not_every_character(catalogue: Path) -> None:
    put(catalogue, {"images/apple/image.yml": "title: Äpfel ✓\ntags: [1.0.0]\n"})
    question = [sys.executable, "-m", "pipeline.cli", "__complete", "fish", "run", ""]
    environ = os.environ | {"PYTHONIOENCODING": "latin-1", "PYTHONPATH": str(warm.ROOT)}
    done = subprocess.run(question, env=environ, capture_output=True, check=True)
    assert done.stdout.decode("latin-1").splitlines() == ["app\tAn app", "apple\tÄpfel ?", "base"]


WORDS = st.one_of(
    st.sampled_from([entry.name for entry in ENTRIES]),
    st.sampled_from(
        ["-C", "-v", "--", "-", "--to", "--to=", "--from", "--json", "--key", "-j", "explain", "generate"]
    ),
    st.text(st.characters(exclude_characters="\0"), max_size=8),
)


@given(st.lists(WORDS, max_size=6))
def test_any_line_has_an_answer_of_printable_lines(words: list[str]) -> None:
    words = ["-C", "/nowhere", *words]
    for line in (Line.of_words(words), of_bash(words[-1], " ".join(["lockage", *words]))):
        for answered in answer(line):
            assert answered.replace("\t", "", 1).isprintable()


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_printed(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    printed = capsys.readouterr().out
    assert printed == script(shell) and f"__complete {shell} " in printed
    assert not re.search(r"\beval [^\"]|compgen -W", printed)
    assert main(["completion", shell, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"shell": shell, "script": printed}


@pytest.mark.parametrize("is_set_up", [False, True])
def test_a_clone_is_not_set_up_for_a_completion(tmp_path: Path, is_set_up: bool) -> None:
    """`./lockage` installs what it lacks first; a completion is no reason to, nor to look whether uv.lock is newer."""
    put(tmp_path, {"lockage": (warm.ROOT / "lockage").read_bytes()})
    if is_set_up:
        put(tmp_path, {".venv/bin/lockage": '#!/bin/sh\necho "$@"\n'})
        (tmp_path / ".venv/bin/lockage").chmod(0o755)
    before = sorted(tmp_path.rglob("*"))
    question = ["sh", "lockage", "__complete", "fish", "ru"]
    done = subprocess.run(question, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == ("__complete fish ru\n" if is_set_up else "")
    assert sorted(tmp_path.rglob("*")) == before
