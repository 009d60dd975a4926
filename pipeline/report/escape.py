"""Texts of others in a report: nothing in them is a control character, markup, a link or a mention.

What `pipeline.util.printable` makes visible for terminals and CI logs is made visible here too: reports are printed as
well.
"""

from __future__ import annotations

import html
import re

from pipeline.util.printable import safe_line, safe_text

_MARKUP = re.compile(r"[\\`*_\[\]#!|~&<>@$]")
_BY_BACKSLASH = frozenset(r"\`*_[]#!|~")  # the others by their number: no element, mention or formula
_LINK = re.compile(r"(?<=:)//|(?<=\bwww)\.|(?<=\bmailto):|(?<=\bxmpp):", re.IGNORECASE)
_BLOCK = re.compile(r"[-+=]|\d+[.)](?= |$)")  # at the start: a list, a heading or a rule


def markdown(text: str, limit: int = 400) -> str:
    """One line of Markdown that reads as the text does, in GitHub's and GitLab's flavour, also in a table."""
    shown = _shortened(safe_line(text.replace("\n", " ").strip()), limit)
    block = _BLOCK.match(shown)
    start, rest = (block[0], shown[block.end() :]) if block else ("", shown)
    rest = _MARKUP.sub(_escaped, rest)
    if ":" in rest or "." in rest:
        rest = _LINK.sub(_by_number, rest)
    return _numbered(start) + rest


def xml(text: str, limit: int = 20_000) -> str:
    """The text inside an element or a quoted attribute of XML 1.0."""
    return html.escape(_shortened(safe_text(text), limit))


def line(text: str, limit: int = 1000) -> str:
    """One line of plain text."""
    return _shortened(safe_line(text), limit)


def block(text: str, limit: int = 4000) -> str:
    """Lines of plain text."""
    return _shortened(safe_text(text), limit)


def _escaped(match: re.Match[str]) -> str:
    return f"\\{match[0]}" if match[0] in _BY_BACKSLASH else _numbered(match[0])


def _by_number(match: re.Match[str]) -> str:
    return _numbered(match[0])


def _numbered(text: str) -> str:
    return "".join(f"&#{ord(character)};" for character in text)


def _shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
