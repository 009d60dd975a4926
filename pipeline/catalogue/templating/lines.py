"""Map a line of a generated Dockerfile to its template line, through loops and includes.

The template is rendered again with an invisible mark before every line of its literal text. If the result without the
marks differs from the first rendering (a filter used them), the line is unknown. Only problems and failed builds need
this, so planning does not pay for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from pipeline.dockerfile.bases import injected_line

from ..definition import Definition
from ..source import Source
from .templates import Renderer, TemplateProblem, context_of

if TYPE_CHECKING:
    from jinja2.lexer import Token, TokenStream


Line = tuple[str, int]

_OPEN, _CLOSE = "\ue000", "\ue001"
_NEWLINE = re.compile("(\n)")
_MARK = re.compile(f"{_OPEN}(\\d+):(\\d+){_CLOSE}")


class _Marking:
    """A renderer of marked templates, kept per source so that each template is compiled once."""

    cached: ClassVar[_Marking | None] = None

    def __init__(self, source: Source) -> None:
        from jinja2.ext import Extension
        from jinja2.lexer import Token as JinjaToken

        files: list[str] = []
        self.source, self.files = source, files

        class Marks(Extension):
            def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
                number = len(files)
                files.append(stream.name or "")
                for token in stream:
                    if token.type == "data":
                        yield JinjaToken(token.lineno, "data", _marked(token.value, number, token.lineno))
                    else:
                        yield token

        self.renderer = Renderer(source, extensions=(Marks,))

    @classmethod
    def of(cls, source: Source) -> _Marking:
        """The renderer of a source."""
        if cls.cached is None or cls.cached.source is not source:
            cls.cached = cls(source)
        return cls.cached


def rendered_lines(
    source: Source, template: str, definition: Definition, rendered: str
) -> tuple[Line, ...] | None:
    """The template's file and line for every line of `rendered`; None if they are uncertain."""
    marking = _Marking.of(source)
    try:
        marked = marking.renderer.render(template, context_of(definition), definition.name)
    except TemplateProblem:
        return None
    if _MARK.sub("", marked) != rendered:
        return None
    return tuple(_places(marked, marking.files, template))


def template_line(
    source: Source, template: str, definition: Definition, plain: str, generated: str, line: int
) -> Line | None:
    """The template's file and line for a line (from 1) of a generated Dockerfile; None if unknown."""
    lines = rendered_lines(source, template, definition, plain)
    injected = injected_line(generated) if generated.count("\n") > plain.count("\n") else None
    if injected is not None and line >= injected:
        line -= 1
    return lines[line - 1] if lines and 1 <= line <= len(lines) else None


def _marked(text: str, file: int, line: int) -> str:
    out = [f"{_OPEN}{file}:{line}{_CLOSE}"]
    for part in _NEWLINE.split(text):
        out.append(part)
        if part == "\n":
            line += 1
            out.append(f"{_OPEN}{file}:{line}{_CLOSE}")
    return "".join(out)


def _places(marked: str, files: list[str], template: str) -> Iterator[Line]:
    """A line's position is the last mark before its first character. Without one, an expression produced the
    newline, and the line belongs to the previous mark."""
    known: Line = (template, 1)
    for text in marked.split("\n"):
        at = 0
        while match := _MARK.match(text, at):
            known = (files[int(match[1])], int(match[2]))
            at = match.end()
        yield known
        for match in _MARK.finditer(text, at):
            known = (files[int(match[1])], int(match[2]))
