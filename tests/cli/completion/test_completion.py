"""Completion: what is offered where, without a shell (tests/real/setup/test_shells.py has the shells)."""

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
from pipeline.cli.completion.argument_values import NAMES, PATHS
from pipeline.cli.completion.candidates import answer
from pipeline.cli.completion.command_line import Line, of_bash, split
from pipeline.cli.completion.expected_words import PROGRAM
from pipeline.cli.parser import make_parser
from tests.catalogue.sample import put
from tests.cli.test_options import ALL
from tests.tools import warm


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
