r"""Text from outside as a terminal and a CI's log may show it.

What no reader could see, or what would control the terminal, becomes a visible escape (`\x1b`, `\u202e`). What a CI
reads as a command is escaped in one character, so that the text stays readable:

- GitHub's runner takes `::name::` at the start of a line, leading white space aside, and `##[name]` anywhere; its
  comparison ignores characters without weight, such as the soft hyphen.
- Azure Pipelines and TeamCity take `##vso[` and `##teamcity[` anywhere.
- GitLab takes `section_start:TIME:NAME` and `section_end:TIME:NAME` before a carriage return and `ESC [0K`.

Every function gives what it was given where nothing of that kind is in the text, and its own results unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

# Cc, Cf, Cs, Zl, Zp and Default_Ignorable_Code_Point, without the signs of Arabic and Kaithi, which are seen. They are
# one class of characters, because the expression passes over megabytes of JSON. It takes a millisecond to compile, and
# most texts have no such character.
_HIDDEN = (
    r"\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    r"\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    r"\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_IN_VALUE = r"\x00-\x09\x0b\x0c\x0e-\x1f"
_IN_TEXT = r"\x00-\x08\x0b-\x1f"
_IN_LINE = r"\x00-\x1f"
_SELECTOR = re.compile(r"[\ufe00-\ufe0f]")  # variation selectors
_VARIABLE = re.compile(r"[^\x00-\x7f\s\ufe00-\ufe0f]")  # what one may follow, as in emoji

_HASHES = re.compile(r"(?<=#)#(?=\[|vso\[|teamcity\[)", re.IGNORECASE)
_SECTION = re.compile(r"(?:(?<=section_start)|(?<=section_end)):")
_LEADING_COLON = re.compile(r"^([^\S\n]*):(?=:)", re.MULTILINE)
_NAMED = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


@cache
def _hidden(controls: str = "") -> re.Pattern[str]:
    """What is hidden, and these controls."""
    return re.compile(f"[{controls}{_HIDDEN}]")


def safe_line(text: str) -> str:
    """One line: also line breaks and tabs are escaped."""
    if not (text.isascii() and text.isprintable()):  # most texts are: the expression takes far longer
        text = _hidden(_IN_LINE).sub(_escape, text)
    return _without_commands(text)


def safe_text(text: str) -> str:
    """A block of lines: line breaks and tabs stay, CR LF becomes LF."""
    text = text.replace("\r\n", "\n")
    if not (text.isascii() and text.replace("\n", "").isprintable()):
        text = _hidden(_IN_TEXT).sub(_escape, text)
    return _without_commands(text)


def safe_value(text: str) -> str:
    """A value of a CI's command: line breaks, `%` and colons stay, for whoever writes the command to encode."""
    return _without_markers(_hidden(_IN_VALUE).sub(_escape, text), _escape)


def safe_json(text: str) -> str:
    """A JSON text of the same value: what is hidden, and markers of commands, as JSON's escapes."""
    if not text.isascii() or "\x7f" in text:
        text = _hidden().sub(_escape_in_json, text)  # JSON escapes C0 itself
    return _without_markers(text, _escape_in_json)


def _without_commands(text: str) -> str:
    text = _without_markers(text, _escape)
    return _LEADING_COLON.sub(r"\1\\x3a", text) if "::" in text else text


def _without_markers(text: str, escape: Callable[[re.Match[str]], str]) -> str:
    if "##" in text:
        text = _HASHES.sub(escape, text)
    return _SECTION.sub(escape, text) if "section_" in text else text


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if _selects(match):
        return character
    code = ord(character)
    if code > 0xFFFF:
        return f"\\U{code:08x}"
    return _NAMED.get(character) or (f"\\u{code:04x}" if code > 0xFF else f"\\x{code:02x}")


def _escape_in_json(match: re.Match[str]) -> str:
    if _selects(match):
        return match[0]
    units = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def _selects(match: re.Match[str]) -> bool:
    """Whether it is a variation selector after a character that it can change."""
    start = match.start()
    before = match.string[max(0, start - 1) : start]
    return bool(_SELECTOR.match(match[0]) and _VARIABLE.match(before) and not _hidden(_IN_LINE).match(before))
