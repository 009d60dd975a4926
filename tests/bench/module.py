"""The Dagger module on the lab's engine: calls unchanged and after an edit, beside a module of one function."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

from .clock import Command, Sample, cpu, wall
from .figures import Figure
from .stand import Stand

_ONE_FUNCTION = {
    "dagger.json": '{"name": "word", "engineVersion": "v0.21.8", "sdk": {"source": "python"}, "source": "."}\n',
    "pyproject.toml": """\
[project]
name = "word"
version = "1"
dependencies = ["dagger-io==0.21.8"]

[project.entry-points."dagger.mod"]
main_object = "word:Word"
""",
    "word.py": """\
from dagger import function, object_type


@object_type
class Word:
    @function(cache="never")
    def word(self) -> str:
        return "word"
""",
}
_UNCHANGED = "dagger call plan"
_EDITED = "dagger call plan, after an edit of one file"
_FUNCTIONS = "dagger functions"


def measure(stand: Stand) -> list[Figure]:
    """Ours and the peer's in turns: unchanged, the list of functions, and each after an edit of its own."""
    rounds = max(1, stand.rounds // 2)
    stand.say(f"the Dagger module, {rounds} rounds; the first call of each takes half a minute")
    home = stand.home("module")
    variables = json.loads(home.command("env", "--json").run().out)
    peer = stand.scratch / "word"
    peer.mkdir()
    for name, text in _ONE_FUNCTION.items():
        (peer / name).write_text(text)
    numbers = itertools.count()

    def dagger(folder: Path, *arguments: str, edit: str = "") -> Command:
        def append() -> None:
            with (folder / edit).open("a") as file:
                file.write(f"# {next(numbers)}\n")

        program = variables["_EXPERIMENTAL_DAGGER_CLI_BIN"]
        argv = [program, "--progress=plain", *arguments]
        return Command(argv, home.env | variables, folder, append if edit else None)

    ours, theirs = stand.clone, peer
    found = _in_turns(
        {
            _UNCHANGED: (dagger(ours, "call", "plan"), dagger(theirs, "call", "word")),
            _FUNCTIONS: (dagger(ours, "functions"), dagger(theirs, "functions")),
            _EDITED: (
                dagger(ours, "call", "plan", edit="pipeline/module/stages.py"),
                dagger(theirs, "call", "word", edit="word.py"),
            ),
        },
        rounds,
    )
    home.down()
    goals = {_UNCHANGED: 2.5, _EDITED: 6.0}
    return [
        Figure(
            name,
            wall(first),
            peer=wall(second),
            against="a module of one function without arguments",
            goal=goals.get(name),
            absolute=True,
            spread=(min(s.seconds for s in first), max(s.seconds for s in first)),
            note=f"the command's own processor time {cpu(first):.2f} s; the engine's is not in it",
        )
        for name, (first, second) in found.items()
    ]


def _in_turns(
    pairs: dict[str, tuple[Command, Command]], rounds: int
) -> dict[str, tuple[list[Sample], list[Sample]]]:
    """Each pair in turns, after a warm-up: all calls of one kind together, since a call before which nothing was edited
    must not follow one with an edit."""
    found: dict[str, tuple[list[Sample], list[Sample]]] = {}
    for name, (first, second) in pairs.items():
        for command in (first, second):
            command.run()
        samples: tuple[list[Sample], list[Sample]] = ([], [])
        for _ in range(rounds):
            for one, command in zip(samples, (first, second), strict=True):
                one.append(command.run())
        found[name] = samples
    return found
