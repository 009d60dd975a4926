"""The candidates for a command line, as lines for the script of a shell."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.util.printable import safe_line

from .argument_values import FILES, path_directive, value_candidates
from .command_line import Line
from .expected_words import expected

# None of these means anything to a shell where it stands in a word, and none separates lines or columns.
_SAFE = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./:@%+,=-]*\Z")
_DESCRIPTION = 80  # characters: the rest is cut


def answer(line: Line) -> Iterator[str]:
    """The lines of the answer, in the order of the help and of the catalogue."""
    if line.redirected:
        yield FILES
        return
    wanted = expected(line)
    candidates = [*wanted.words]
    if wanted.argument:
        directive = path_directive(wanted.argument)
        if directive:
            yield directive
        begun = line.word.removeprefix(wanted.prefix)
        for value, description in value_candidates(wanted.argument, begun, wanted.root):
            if _SAFE.match(value):
                candidates.append((f"{wanted.prefix}{value}", description))
    for value, description in candidates:
        if not line.prefix_only or value.startswith(line.word):
            shown = value.removeprefix(line.kept)
            yield f"{shown}\t{_described(description)}" if description else shown


def _described(text: str) -> str:
    line = safe_line(" ".join(text.split()))
    return line if len(line) <= _DESCRIPTION else f"{line[: _DESCRIPTION - 1]}…"
