"""The frontend that reads a Dockerfile: `# syntax=`, as BuildKit detects it
(frontend/dockerfile/parser/directives.go)."""

from __future__ import annotations

import json
import re

from pipeline.util.dataclass import dataclass

_DIRECTIVE = re.compile(r"([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$")
_KNOWN = frozenset(("syntax", "escape", "check"))


@dataclass(frozen=True, slots=True)
class Syntax:
    """The frontend's image as written, and the line."""

    name: str
    line: int


def find_syntax(text: str) -> Syntax | None:
    """The frontend that a Dockerfile requests; None for the builder's own."""
    if "syntax" not in text.casefold():
        return None
    text = text.removeprefix("\ufeff")
    line = 1
    if text.startswith("#!"):
        text, line = text.partition("\n")[2], 2
    return _directive(text, line, "#") or _directive(text, line, "//") or _json(text, line)


def _directive(text: str, line: int, comment: str) -> Syntax | None:
    seen: set[str] = set()
    for number, written in enumerate(text.split("\n"), line):
        if not written.startswith(comment):
            return None
        match = _DIRECTIVE.match(written.removeprefix(comment).lstrip())
        name = match[1].lower() if match else ""
        if match is None or name not in _KNOWN or name in seen:
            return None
        if name == "syntax":
            return Syntax(match[2].partition(" ")[0], number)
        seen.add(name)
    return None


def _json(text: str, line: int) -> Syntax | None:
    if not text.lstrip().startswith("{"):
        return None
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    name = data.get("syntax") if isinstance(data, dict) else None
    return Syntax(name, line) if isinstance(name, str) else None
