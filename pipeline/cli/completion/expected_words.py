"""What a command line expects at the cursor, by the declarations of the commands alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.util.dataclass import dataclass

from ..arguments import Argument, declared
from ..command import CommandGroup
from ..commands import ENTRIES, load
from .command_line import Line

# As `parser` declares them.
PROGRAM = (
    Argument(("-C",), {"metavar": "DIR", "help": "run as if started in DIR"}),
    Argument(("-v",), {"action": "store_true", "help": "more detail, and tracebacks of errors"}),
    Argument(("--version",), {"action": "store_true", "help": "show program's version number and exit"}),
)
_SEVERAL = ("*", "+")
_HELP = Argument(("-h", "--help"), {"action": "store_true", "help": "show this help message and exit"})


@dataclass(frozen=True, slots=True)
class Expected:
    """Words that are known, each with a description, or a value of `argument` after `prefix` (`--to=`), or both.

    `root` is the folder that the command would work in.
    """

    words: tuple[tuple[str, str], ...] = ()
    argument: Argument | None = None
    prefix: str = ""
    root: Path = Path()


@dataclass(frozen=True, slots=True)
class _Scanned:
    """What some words give: options with their values, positional arguments, and the option whose value comes next, or
    may (`another`); `rest` begins with the first positional argument where that ends the scan."""

    given: tuple[tuple[Argument, str], ...] = ()
    positional: int = 0
    pending: Argument | None = None
    another: bool = False
    only_positional: bool = False
    rest: tuple[str, ...] = ()


def expected(line: Line) -> Expected:
    """What may stand where the cursor is; nothing where the words before are unknown."""
    program = _scan(line.before, (*PROGRAM, _HELP), to_first=True)
    root = _root([value for argument, value in program.given if argument.flags == ("-C",)])
    if not program.rest:
        return _at_cursor(line.word, (*PROGRAM, _HELP), program, [(e.name, e.summary) for e in ENTRIES], root)
    name, *rest = program.rest
    command = next((load(entry) for entry in ENTRIES if entry.name == name), None)
    if isinstance(command, CommandGroup):
        group = _scan(rest, (_HELP,), to_first=True)
        if not group.rest:
            actions = [(action, summary) for action, (summary, _) in command.actions.items()]
            return _at_cursor(line.word, (_HELP,), group, actions, root)
        name, *rest = group.rest
        _, command = command.actions.get(name, ("", None))
    if command is None:
        return Expected()
    arguments = (*(argument for _, argument in declared(command.options)), _HELP)
    return _at_cursor(line.word, arguments, _scan(rest, arguments), [], root)


def _root(folders: Sequence[str]) -> Path:
    """The folder of `-C`; the shell has not expanded `~` yet."""
    folder = Path(folders[-1] if folders else "")
    try:
        return folder.expanduser()
    except RuntimeError:  # no such user
        return folder


def _at_cursor(
    word: str,
    arguments: Sequence[Argument],
    scanned: _Scanned,
    words: Sequence[tuple[str, str]],
    root: Path,
) -> Expected:
    if scanned.pending and not (scanned.another and word.startswith("-")):
        return Expected(argument=scanned.pending, root=root)
    name, equals, _ = word.partition("=")
    if word.startswith("-") and not scanned.only_positional:
        if word.startswith("--") and equals:
            option = _option(name, arguments)
            return Expected(argument=option, prefix=f"{name}=", root=root) if option else Expected()
        return Expected(words=tuple(_options(arguments, scanned)))
    positional = _positional([a for a in arguments if not a.flags], scanned.positional)
    if not (words or positional or word or scanned.only_positional):
        return Expected(words=tuple(_options(arguments, scanned)))
    return Expected(tuple(words), positional, root=root)


def _scan(words: Sequence[str], arguments: Sequence[Argument], *, to_first: bool = False) -> _Scanned:
    given: list[tuple[Argument, str]] = []
    positional, pending, another, plain = 0, None, False, False
    for number, word in enumerate(words):
        if pending and not (another and word.startswith("-")):
            given.append((pending, word))
            another = pending.settings.get("nargs") in _SEVERAL
            pending = pending if another else None
            continue
        pending, another = None, False
        if not plain and word == "--":
            plain = True
        elif plain or not word.startswith("-") or word == "-":
            if to_first:
                return _Scanned(tuple(given), rest=tuple(words[number:]))
            positional += 1
        elif option := _option(word, arguments):
            attached = word.partition("=")[2] if word.startswith("--") else word[2:]
            if option.takes_value and not attached:
                pending = option
            else:
                given.append((option, attached))
    return _Scanned(tuple(given), positional, pending, another, plain)


def _option(word: str, arguments: Sequence[Argument]) -> Argument | None:
    """The option that a word names, by the beginning of its name if that is enough, as argparse has it."""
    name = word.partition("=")[0] if word.startswith("--") else word[:2]
    exact = [argument for argument in arguments if name in argument.flags]
    near = [a for a in arguments if len(name) > 2 and any(flag.startswith(name) for flag in a.flags)]
    found = exact or near
    return found[0] if len(found) == 1 else None


def _options(arguments: Sequence[Argument], scanned: _Scanned) -> Iterator[tuple[str, str]]:
    """Those that may still be given."""
    given = [argument for argument, _ in scanned.given]
    excluded = {argument.exclusive for argument in given if argument.exclusive}
    for argument in arguments:
        again = argument.settings.get("action") == "append"
        if (argument in given and not again) or argument.exclusive in excluded:
            continue
        for flag in argument.flags:
            yield flag, str(argument.settings.get("help", ""))


def _positional(arguments: Sequence[Argument], number: int) -> Argument | None:
    """The positional argument that the word after so many others is."""
    for index, argument in enumerate(arguments):
        if index == number or argument.settings.get("nargs") in _SEVERAL:
            return argument
    return None
