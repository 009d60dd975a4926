"""Texts of others in a report: nothing in them is a control character, markup, a link or a mention.

What `pipeline.util.printable` makes visible for terminals and CI logs is made visible here too: reports are printed as
well.
"""

from __future__ import annotations

import html
import re

from pipeline.util.printable import safe_line, safe_text

_MARKUP = re.compile(
    r"[\\`*_\[\]#!|~]"  # escaped by a backslash
    r"|[&<>@$]"  # by its number: no element, mention or formula
    r"|(?<=:)//|(?<=\bwww)\.|(?<=\bmailto):|(?<=\bxmpp):"  # no link
    r"|^[-+=]|^\d+[.)](?= |$)",  # no list, heading or rule
    re.IGNORECASE,
)
_BY_BACKSLASH = frozenset(r"\`*_[]#!|~")


def markdown(text: str, limit: int = 400) -> str:
    """One line of Markdown that reads as the text does, in GitHub's and GitLab's flavour, also in a table."""
    return _MARKUP.sub(_escaped, _shortened(safe_line(text.replace("\n", " ").strip()), limit))


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
    found = match[0]
    return f"\\{found}" if found in _BY_BACKSLASH else "".join(f"&#{ord(character)};" for character in found)


def _shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
