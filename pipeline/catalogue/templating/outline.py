"""Templates that differ only in their literal text are compiled once.

The outline of a template is its tags, each on a line of its own, with one character in place of each literal text
between them. jinja2 compiles the outline; a template's code is the outline's with the template's texts, lines and name
put in. A template whose tags are not found here beyond doubt has no outline and is compiled by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, MutableMapping
from types import CodeType
from typing import Any

import jinja2

from pipeline.util.dataclass import dataclass

from ..source import Source
from .limits import MAX_TOKENS
from .lookup import template_text

SMALL = 4096  # characters of a text whose code cannot be too large

_NAME = "lockage-outline"  # of every outline, and its file's
_TEXT = 0xF0000  # the characters in place of texts begin here, in a private plane
_FIRST = chr(_TEXT)

_STRING = r"'(?:[^'\\]|\\.)*+'|\"(?:[^\"\\]|\\.)*+\""
_INSIDE = rf"(?:[^{{}}%#'\"\\]|%(?!\}})|{_STRING})*+"
_TAG = re.compile(
    rf"\{{\{{(?P<expression>{_INSIDE})\}}\}}|\{{%(?P<statement>{_INSIDE})%\}}|\{{#(?P<comment>.*?)#\}}",
    re.DOTALL,
)
_BEGIN = re.compile(r"\{(?:[{%#]|\Z)")
# what `raw` holds is not template text; a required block may hold white space alone
_OTHER = re.compile(r"\b(?:raw|endraw|required)\b")
_DEBUG_INFO = re.compile(r"\d+=\d+(?:&\d+=\d+)*")


@dataclass(frozen=True, slots=True)
class Outline:
    """The outline of one template, and what it leaves out."""

    text: str
    texts: dict[int, str]  # literal texts by the character in their place
    lines: tuple[int, ...]  # the template's line of each line of the outline, from 1

    @classmethod
    def of(cls, source: str) -> Outline | None:
        """The outline of a template's text; None if the template has to be compiled by itself."""
        if len(source) > MAX_TOKENS or "\r" in source or _NAME in source:
            return None
        if not source.isascii() and max(source) >= _FIRST:
            return None
        return _outline(source)

    def debug_info(self, of_outline: str) -> str:
        """jinja2's pairs of lines in the template and in its code."""
        pairs = (pair.split("=") for pair in of_outline.split("&"))
        return "&".join(f"{self.lines[int(line) - 1]}={of_code}" for line, of_code in pairs)


def _outline(source: str) -> Outline | None:
    out: list[str] = []
    texts: dict[int, str] = {}
    lines = [1]
    at, line, strip = 0, 1, False

    def literal(end: int, strip_end: bool) -> bool:
        """Put one character in place of the text before `end`; False if it may hold more than text."""
        text = source[at:end]
        if "{" in text and _BEGIN.search(text):
            return False
        text = text.lstrip() if strip else text
        text = text.rstrip() if strip_end else text
        if text:
            place = _TEXT + len(texts)
            texts[place] = text
            out.append(chr(place))
        return True

    for tag in _TAG.finditer(source):
        kind = tag.lastgroup
        inside = tag[kind or 0]
        if inside.startswith("+") or inside.endswith("+") or _OTHER.search(inside):
            return None
        before = inside.startswith("-")
        if not literal(tag.start(), before):
            return None
        line += source.count("\n", at, tag.start())
        at = tag.end()
        inside = inside[1:] if before else inside
        strip = inside.endswith("-")
        inside = inside[:-1] if strip else inside
        if kind == "comment":
            out.append("{##}")
            line += tag[0].count("\n")
            continue
        out.append(f"{{{{\n{inside}}}}}" if kind == "expression" else f"{{%\n{inside}%}}")
        for _ in range(inside.count("\n")):
            lines.append(line)
            line += 1
        lines.append(line)
    if not literal(len(source), False):
        return None
    text = "".join(out)
    return Outline(text, texts, tuple(lines)) if len(text) <= SMALL else None


class _Code:
    """The code of an outline, with the constants that a template replaces. Raises ValueError if there are others."""

    def __init__(self, code: CodeType, *, of_module: bool = True) -> None:
        self._code = code
        self._names: list[int] = []
        self._texts: list[int] = []
        self._debug_info: list[int] = []
        self._inner: list[tuple[int, _Code]] = []
        for number, constant in enumerate(code.co_consts):
            if type(constant) is CodeType:
                self._inner.append((number, _Code(constant, of_module=False)))
            elif constant == _NAME:
                self._names.append(number)
            elif type(constant) is str and max(constant, default="") >= _FIRST:
                self._texts.append(number)
            elif of_module and type(constant) is str and _DEBUG_INFO.fullmatch(constant):
                self._debug_info.append(number)
            elif _NAME in str(constant) or max(str(constant), default="") >= _FIRST:
                raise ValueError("a message with a line and the name")

    def of(self, outline: Outline, name: str) -> CodeType:
        """The code of a template."""
        constants = list(self._code.co_consts)
        for number in self._names:
            constants[number] = name
        for number in self._texts:
            constants[number] = constants[number].translate(outline.texts)
        for number in self._debug_info:
            constants[number] = outline.debug_info(constants[number])
        for number, inner in self._inner:
            constants[number] = inner.of(outline, name)
        return self._code.replace(co_consts=tuple(constants), co_filename=name)


class Loader(jinja2.BaseLoader):
    """The templates of a source; those of one outline are compiled once, unless `alone`."""

    def __init__(self, source: Source, *, alone: bool) -> None:
        self._source, self._alone = source, alone
        self._codes: dict[str, _Code | None] = {}

    def get_source(
        self, environment: jinja2.Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        """The text of a template."""
        text = template_text(self._source, template)
        if text is None:
            raise jinja2.TemplateNotFound(template)
        return text, template, None

    def load(
        self, environment: jinja2.Environment, name: str, globals: MutableMapping[str, Any] | None = None
    ) -> jinja2.Template:
        """A template, by the code of its outline if it has one."""
        if not self._alone:
            outline = Outline.of(self.get_source(environment, name)[0])
            if outline is not None and (compiled := self._compiled(environment, outline.text)) is not None:
                code = compiled.of(outline, name)
                return environment.template_class.from_code(environment, code, globals or {})
        return super().load(environment, name, globals)

    def _compiled(self, environment: jinja2.Environment, text: str) -> _Code | None:
        """An outline's code; None if each of its templates has to be compiled by itself."""
        if text not in self._codes:
            try:
                self._codes[text] = _Code(self._compile(environment, text))
            except Exception:  # the template's own error is raised when it is compiled by itself
                self._codes[text] = None
        return self._codes[text]

    def _compile(self, environment: jinja2.Environment, text: str) -> CodeType:
        cache = environment.bytecode_cache
        bucket = cache.get_bucket(environment, _NAME, _NAME, text) if cache else None
        if bucket and bucket.code:
            return bucket.code
        code: CodeType = environment.compile(text, _NAME, _NAME)
        if cache and bucket:
            bucket.code = code
            cache.set_bucket(bucket)
        return code
