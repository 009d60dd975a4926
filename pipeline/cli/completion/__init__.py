"""Completion in shells: a thin script asks the program, which answers with one candidate a line.

    lockage __complete bash WORD LINE     the line up to the cursor, and what readline replaces of its last word
    lockage __complete zsh|fish WORD…     the words up to the cursor, without the program's name and unquoted

A line of the answer is a candidate, with a tab and a description where there is one, or `:files` or `:folders`, which
the shell completes itself. No candidate has a character that means something to a shell (`candidates`). An answer needs
neither network nor engine, and writes nothing but plans and names in the cache (`catalogue_names`).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

SHELLS = ("bash", "zsh", "fish")


def script(shell: str) -> str:
    """What a shell has to evaluate, in its own language."""
    from importlib.resources import files

    return (files(__name__) / f"lockage.{shell}").read_text(encoding="utf-8")


def complete(arguments: Sequence[str]) -> int:
    """Print the candidates for a command line; nothing for one that is not understood."""
    from .candidates import answer
    from .command_line import Line, of_bash

    if not arguments or arguments[0] not in SHELLS:
        return 0
    shell, *words = arguments
    line = of_bash(*words) if shell == "bash" and len(words) == 2 else Line.of_words(words)
    text = "".join(f"{candidate}\n" for candidate in answer(line))
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))  # a description is no reason to fail
    return 0
