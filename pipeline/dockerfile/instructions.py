"""A Dockerfile as instructions with their positions: continuations, comments, heredocs, parser directives.

Follows BuildKit's parser (frontend/dockerfile/parser): directives only at the very top, comments and empty
lines skipped inside a continuation, heredocs after RUN, COPY and ADD.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache

from pipeline.util.dataclass import dataclass

from .frontend import find_syntax
from .parser_errors import UNKNOWN_FLAG, fault_of
from .words import Logical, Word, read_flags

_DIRECTIVE = re.compile(r"^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$")
_HEREDOC = re.compile(r"\d*<<(-?)\s*([^<\s][^<]*)")
# BuildKit's lexer (frontend/dockerfile/shell): white space after << belongs to the word; a line with something
# unclosed, or with an unknown substitution, has no words at all
_VARIABLE = r"\$\{(?:[0-9]+|[@*#?$!-]|[^\W\d]\w*)(?:\}|(?::?[-+?]|[#%/])[^}]*\})|\$(?!\{)"
_QUOTED = rf"""'[^']*'|"(?>[^"\\$]|\\.|{_VARIABLE})*\""""
_SHELL_WORD = re.compile(rf"""(?><<\s*|\\.|\\$|[^\s"'\\$]|{_QUOTED}|{_VARIABLE})+""")
_SHELL_LINE = re.compile(rf"(?>\s+|{_SHELL_WORD.pattern})*")
_ARGUMENT = re.compile(r"""(?:[^\s"'\\`]|[\\`].|"(?:[^"\\`]|[\\`].)*"?|'[^']*'?)+""")
_LINE = re.compile(r"[^\n]*\n|[^\n]+$")
_CONTINUED = {e: re.compile(rf"(?<!{re.escape(e)}){re.escape(e)}[ \t]*\r?\n?$") for e in ("\\", "`")}
_WORD = re.compile(r"\S+")
_DOCKERFILE = re.compile(r"(?:^|/)docker/dockerfile(?:-upstream)?(?:[:@]|$)")
_PAIRS = frozenset(("ENV", "LABEL"))
_WITHOUT_WORDS = frozenset(
    (
        "CMD",
        "ENTRYPOINT",
        "EXPOSE",
        "USER",
        "WORKDIR",
        "VOLUME",
        "SHELL",
        "STOPSIGNAL",
        "HEALTHCHECK",
    )
)
_LEADING = re.compile(r"\s*(--|\[)?")
_HEREDOC_LINE = re.compile(r"\s*(?:ONBUILD\s+)?(?:RUN|COPY|ADD)(?:\s|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction; lines count from 1. `flags` are the leading `--…` words, `words` the rest (both empty for
    instructions that name no image or file: CMD, RUN without a flag …). `later` is the instruction that ONBUILD
    defers to a build based on this image, `rest` the text after ENV and LABEL, `fault` why it is refused."""

    keyword: str
    flags: tuple[Word, ...]
    words: tuple[Word, ...]
    line: int
    end: int  # offset after its last line, heredocs included
    heredoc: bool = False
    later: Instruction | None = None
    rest: str = ""
    fault: str = ""

    def flag(self, name: str) -> Word | None:
        """The value of `--name=value`, with its position."""
        return next(self.flag_values(name), None)

    def flag_values(self, name: str) -> Iterator[Word]:
        """Every value of a flag that may be repeated (`--mount=`)."""
        head = f"--{name}="
        for word in self.flags:
            if word.text.startswith(head):
                yield Word(word.text[len(head) :], word.start + len(head), word.end, word.plain)


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """The text, its parser directives (`syntax`, `escape`, `check`) and its instructions."""

    text: str
    directives: Mapping[str, str]
    instructions: tuple[Instruction, ...]
    escape: str = "\\"
    faulty: str = ""  # why the parser directives are refused


def scan(text: str) -> Dockerfile:
    """Parse a Dockerfile. Nothing is refused: text that is not understood stays as words, with its `fault`."""
    lines = _LINE.findall(text)
    if text.startswith("\ufeff"):
        lines[0] = " " + lines[0][1:]  # a byte order mark is ignored, but its offset counts
    directives, escape, faulty = _directives(lines)
    out: list[Instruction] = []
    number, offset = 0, 0
    while number < len(lines):
        line = lines[number]
        stripped = line.strip()
        if not stripped or stripped[0] == "#":
            offset += len(line)
            number += 1
            continue
        first = number
        if escape in line:
            pieces, number, offset = _continuation(lines, number, offset, escape)
        else:
            pieces = [(line.rstrip("\r\n"), offset)]
            number, offset = number + 1, offset + len(line)
        logical = Logical(pieces)
        heredocs = _heredocs(logical.text) if "<<" in logical.text else []
        unclosed = ""
        for strip, name in heredocs:
            unclosed = unclosed or f"the heredoc is not closed: no line is {name[:80]}"
            while number < len(lines):
                line = lines[number].rstrip("\r\n")
                number, offset = number + 1, offset + len(lines[number])
                if (line.lstrip("\t") if strip else line) == name:
                    unclosed = ""
                    break
        instruction = _instruction(logical, escape, first + 1, offset, bool(heredocs))
        out.append(replace(instruction, fault=instruction.fault or unclosed) if unclosed else instruction)
    return Dockerfile(text, directives, tuple(out), escape, faulty)


def _continuation(
    lines: list[str], number: int, offset: int, escape: str
) -> tuple[list[tuple[str, int]], int, int]:
    """The pieces of the logical line that starts at a line, with their offsets; the line after it, and its offset."""
    continued = _CONTINUED[escape]
    pieces: list[tuple[str, int]] = []
    while number < len(lines):
        line = lines[number]
        start = offset
        number, offset = number + 1, offset + len(line)
        bare = line.strip()
        if pieces and (not bare or bare.startswith("#")):
            continue
        match = continued.search(line) if escape in line else None
        pieces.append((line[: match.start()] if match else line.rstrip("\r\n"), start))
        if not match:
            break
    return pieces, number, offset


@lru_cache(maxsize=16_384)  # texts: more than the targets of a large catalogue
def scanned(text: str) -> Dockerfile:
    """Like `scan`, but parses each text once."""
    return scan(text)


def _directives(lines: list[str]) -> tuple[dict[str, str], str, str]:
    """The parser directives, the escape character, and why they are refused."""
    directives: dict[str, str] = {}
    faulty = ""
    for line in lines:
        match = _DIRECTIVE.match(line.strip())
        name = match[1].lower() if match else ""
        if match and name in directives:
            faulty = f"the parser directive {name} is given twice"
        if not match or name not in ("syntax", "escape", "check") or name in directives:
            break
        directives[name] = match[2]
    escape = directives.get("escape", "\\")
    if escape not in ("\\", "`"):
        return directives, "\\", f"the escape character is \\ or `, and not {escape[:80]}"
    return directives, escape, faulty


def _instruction(
    line: Logical, escape: str, number: int, end: int, heredoc: bool, at: int = 0
) -> Instruction:
    """Keyword, flags, words, and the instruction that ONBUILD defers, from an offset of a logical line."""
    first = _WORD.search(line.text, at)
    if first is None:
        return Instruction("", (), (), number, end, heredoc)
    keyword = first[0].upper()
    # most of a Dockerfile is RUN and ENV, whose words are not needed
    leading = _LEADING.match(line.text, first.end())
    lead = leading[1] if leading else None
    if keyword == "RUN" and not lead:
        return Instruction(keyword, (), (), number, end, heredoc)
    flagged = lead == "--"
    if not flagged and (keyword == "RUN" or keyword in _WITHOUT_WORDS):
        fault = fault_of(keyword, (), line.text[first.end() :], escape)
        return Instruction(keyword, (), (), number, end, heredoc, fault=fault)
    if keyword == "ONBUILD" and at:  # of another ONBUILD, which BuildKit refuses
        return Instruction(keyword, (), (), number, end, heredoc)
    flags, behind = read_flags(line, first.end(), escape) if flagged else ((), first.end())
    fault = fault_of(keyword, tuple([flag.text for flag in flags]), line.text[behind:], escape)
    if keyword == "ONBUILD":
        rest = tuple(line.word(m) for m in _WORD.finditer(line.text, first.end()))
        later = _instruction(line, escape, number, end, heredoc, first.end())
        return Instruction(keyword, (), rest, number, end, heredoc, later, fault=fault)
    if keyword in _WITHOUT_WORDS:
        return Instruction(keyword, (), (), number, end, heredoc, fault=fault)
    if keyword in _PAIRS:
        return Instruction(keyword, (), (), number, end, heredoc, None, line.text[behind:].strip(), fault)
    pattern = _ARGUMENT if keyword == "ARG" else _WORD
    words = tuple(line.word(m) for m in pattern.finditer(line.text, behind))
    return Instruction(keyword, flags, words, number, end, heredoc, fault=fault)


def refused(file: Dockerfile) -> tuple[int, str, str] | None:
    """The first instruction that BuildKit's parser refuses: its line, its keyword, and why. A frontend that the
    Dockerfile names may know more flags, and another than Docker's may read anything."""
    frontend = find_syntax(file.text)
    if frontend and not _DOCKERFILE.search(frontend.name):
        return None
    if file.faulty:
        return 1, "directives", file.faulty
    begun = not any(instruction.keyword == "FROM" for instruction in file.instructions)  # reported as such
    for instruction in file.instructions:
        begun = begun or instruction.keyword == "FROM"
        fault = instruction.fault
        if fault and not (frontend and fault.startswith(UNKNOWN_FLAG)):
            return instruction.line, instruction.keyword[:40], fault
        if not begun and instruction.keyword != "ARG":
            return instruction.line, instruction.keyword[:40], "is before the first FROM"
    return None


def _heredocs(logical: str) -> list[tuple[bool, str]]:
    """For every `<<NAME` that is a shell word of its own: whether tabs are stripped, and the closing word."""
    if not _HEREDOC_LINE.match(logical) or not _SHELL_LINE.fullmatch(logical):
        return []
    matches = (_HEREDOC.fullmatch(word) for word in _SHELL_WORD.findall(logical))
    return [(bool(match[1]), re.sub(r"[\"'\\]", "", match[2])) for match in matches if match]
