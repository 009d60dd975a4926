"""Completion in the shells themselves, on a terminal: what the command line shows after a tab."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.cli.completion import script
from tests.catalogue.sample import put
from tests.cli.completion.conftest import CATALOGUE
from tests.tools.programs import debian
from tests.tools.shells import TAB, Shell, shell

pytestmark = pytest.mark.real

SET_UP = {
    "bash": 'eval "$(lockage completion bash)"',
    "zsh": "source <(lockage completion zsh)",
    "fish": "lockage completion fish | source",
}
TITLE = "%F{red}$(touch pwned)`touch pwned`: [an] \\\\app"


@pytest.fixture(scope="module", params=SET_UP)
def prompt(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A shell with completion in the folder of a catalogue whose title is hostile."""
    name: str = request.param
    if name != "bash":
        debian(**{name: name})
    folder = tmp_path_factory.mktemp(name)
    work = folder / "work"
    put(work, CATALOGUE | {"a file.yml": "", "of files/x.yml": "", "$(touch pwned)": ""})
    put(work, {"images/app/image.yml": CATALOGUE["images/app/image.yml"].replace("An app", f"'{TITLE}'")})
    env = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "LOCKAGE_HOME": str(folder / "home"),
        "LOCKAGE_CACHE": str(folder / "cache"),
    }
    with shell(name, [SET_UP[name]], cwd=work, env=env, dump=folder / "dump") as begun:
        yield begun
    assert not (work / "pwned").exists()


def test_the_script_as_a_file(tmp_path: Path) -> None:
    """Where zsh and fish look for completions of a command."""
    debian(zsh="zsh", fish="fish")
    folders = {"zsh": "fpath=({} $fpath); compinit -D", "fish": "set -p fish_complete_path {}"}
    env = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    for name, file in {"zsh": "_lockage", "fish": "lockage.fish"}.items():
        put(tmp_path / name, {file: script(name)})
        set_up = folders[name].format(tmp_path / name)
        with shell(name, [set_up], cwd=tmp_path, env=env, dump=tmp_path / f"dump-{name}") as prompt:
            assert prompt.line(f"lockage stat{TAB}") == prompt.line(f"lockage stat{TAB}") == "lockage status "


def test_a_tab_completes_what_is_unique(prompt: Shell) -> None:
    lines = {
        "lockage stat": "lockage status ",
        "lockage run --affe": "lockage run --affected ",
        "lockage run apple:1.0.": "lockage run apple:1.0.0 ",
        "lockage run app/1.2.3/linux-am": "lockage run app/1.2.3/linux-amd64 ",
        "lockage promote --to pr": "lockage promote --to prod ",
        "lockage promote --to=pr": "lockage promote --to=prod ",
        "lockage plan --platform=linux/am": "lockage plan --platform=linux/amd64 ",
        "lockage plan --matrix jen": "lockage plan --matrix jenkins ",
        "lockage policy ad": "lockage policy admission ",
        "X=1 lockage -C . rollback de": "X=1 lockage -C . rollback dev ",
        "true; lockage rollback 'pr": "true; lockage rollback 'prod' ",
        "lockage run $(touch pwned) appl": "lockage run $(touch pwned) apple",
        "lockage nothing x": "lockage nothing x",
        "lockage run nothing": "lockage run nothing",
    }
    assert {keys: prompt.line(keys + TAB) for keys in lines} == lines


def test_a_tab_completes_paths_as_the_shell_quotes_them(prompt: Shell) -> None:
    lines = {
        "lockage plan --code-quality a": "lockage plan --code-quality a\\ file.yml ",
        "lockage plan --code-quality=a": "lockage plan --code-quality=a\\ file.yml ",
        "lockage generate --output=of": "lockage generate --output=of\\ files/",
        "lockage -C of": "lockage -C of\\ files/",
        "lockage -C a": "lockage -C a",  # a file is no folder
        "lockage apply of\\ files/": "lockage apply of\\ files/x.yml ",
        "lockage plan > a": "lockage plan > a\\ file.yml ",
    }
    if prompt.name != "zsh":  # whose tab expands the word itself, whatever completes it
        lines["lockage apply $(touch pwned)/"] = "lockage apply $(touch pwned)/"
    assert {keys: prompt.line(keys + TAB) for keys in lines} == lines


def test_what_is_not_unique_is_listed(prompt: Shell) -> None:
    assert prompt.line(f"lockage promote --to {TAB}{TAB}").startswith("lockage promote --to ")
    assert "dev" in prompt.screen and "prod" in prompt.screen
    assert prompt.line("lockage run a" + TAB * 3).startswith("lockage run app")
    assert "apple" in prompt.screen and "base" not in prompt.screen


def test_a_description_is_text(prompt: Shell) -> None:
    prompt.line(f"lockage run {TAB}{TAB}")
    assert "app" in prompt.screen and "base" in prompt.screen
    if prompt.name != "bash":  # which shows none
        assert "%F{red}$(touch pwned)`touch pwned`" in prompt.screen


def test_the_word_ends_at_the_cursor(prompt: Shell) -> None:
    """C-b moves it back."""
    assert prompt.line("lockage st --json" + "\x02" * 7 + TAB).startswith("lockage status")


def test_a_path_to_the_program_is_completed_by_that_program(prompt: Shell) -> None:
    program = shlex.quote(str(Path(sys.executable).with_name("lockage")))
    assert prompt.line(f"{program} stat{TAB}") == f"{program} status "
    assert prompt.line(f"./nowhere/lockage stat{TAB}") == "./nowhere/lockage status "
