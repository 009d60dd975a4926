"""How terminals and CIs read a text: what they act on instead of showing it."""

from __future__ import annotations

import re
import unicodedata

_SEEN = {0x600, 0x601, 0x602, 0x603, 0x604, 0x605, 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}
"""Characters of category Cf that have a shape of their own."""


def hidden(text: str, *, but: str = "") -> list[str]:
    """The characters that a reader does not see, or that control a terminal."""
    return [
        character
        for character in text
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        and ord(character) not in _SEEN
        and character not in but
    ]


def commands(text: str) -> list[str]:
    """The lines that GitHub, Azure Pipelines, TeamCity or GitLab read as their own.

    As a comparison reads them that ignores characters without weight, and white space at the start. A tab has a weight
    (Unicode Technical Standard 10: U+0009 is variable), unlike the other control characters.
    """
    found = []
    for line in re.split(r"[\r\n]", text):
        read = (
            "".join(c for c in line if not hidden(c, but="\t") and not "\ufe00" <= c <= "\ufe0f")
            .lower()
            .lstrip()
        )
        markers = ("##[", "##vso[", "##teamcity[")
        if read.startswith("::") or any(marker in read for marker in markers):
            found.append(line)
    return found + re.findall(r"section_(?:start|end):\d+", text)
