"""Templates that need no template engine: what most of them are, rendered without compiling anything.

Known are exactly these tags, with `-` at either end, `path` being one of the names a template sees or a loop's
variable, with `.name` behind it:

    {{ path }}    {{ path | default("x") | join(" ") | replace("a", "b") | upper | lower }}
    {% if path %} {% elif not path %} {% if path == "x" %} {% if path is not defined %} {% else %} {% endif %}
    {% for x in path %} {% endfor %} over lists, with loop.first, loop.last, loop.index, loop.index0, loop.length
    {% include "name" %}    {# anything #}

A template with anything else, and a rendering in which anything is missing or not of the type that is meant,
belong to jinja2, which then renders or says what is wrong. So there is one set of messages, and
`tests/catalogue/test_plain.py` holds that both give the same text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..source import Source
from .fragments import (
    OF_LOOP,
    Choice,
    Condition,
    Defined,
    Fragment,
    Loop,
    NotPlain,
    Path,
    Rendering,
    Text,
    Value,
)
from .lookup import Unreadable, included_path, template_text

NAMES = frozenset(("image", "tag", "base_tag", "variant", "versions", "variables"))

_LITERAL = r"""(?:'(?:[ !-&(-\[\]-z|~]|\\[ -z|~])*'|"(?:[ !#-\[\]-z|~]|\\[ -z|~])*")"""
_NAME = r"[a-zA-Z][a-zA-Z0-9_]*"
_PATH = rf"{_NAME}(?:\.{_NAME})*"
_FILTER = rf"(?:(?:join|default)\( *{_LITERAL} *\)|replace\( *{_LITERAL} *, *{_LITERAL} *\)|upper|lower)"
_TEST = rf"(?:(?P<op>==|!=) *(?P<literal>{_LITERAL})|(?P<is>is) +(?P<isnot>not +)?defined)"
_TAG = re.compile(
    rf"\{{\{{(?P<vl>-?) *(?P<value>{_PATH})(?P<filters>(?: *\| *{_FILTER})*) *(?P<vr>-?)\}}\}}"
    rf"|\{{%(?P<bl>-?) *(?:(?P<if>if|elif) +(?:(?P<not>not) +(?P<negated>{_PATH})|(?P<path>{_PATH})(?: *{_TEST})?)"
    rf"|for +(?P<each>{_NAME}) +in +(?P<list>{_PATH})"
    rf"|include +(?P<include>{_LITERAL})"
    r"|(?P<word>else|endif|endfor)) *(?P<br>-?)%\}"
    r"|\{#(?P<cl>-?)(?P<comment>.*?)(?P<cr>-?)#\}",
    re.DOTALL,
)
_FILTERS = re.compile(rf"({_NAME})(?:\( *({_LITERAL})(?: *, *({_LITERAL}))? *\))?")
_LEFT = re.compile(r"\{[{%#]|\r")
_WORDS = frozenset(
    (
        "and",
        "else",
        "elif",
        "if",
        "in",
        "is",
        "not",
        "or",
        "true",
        "false",
        "none",
        "loop",
        "self",
        "super",
        "caller",
    )
)
_OF_DICT = frozenset(dir(dict))
_DEEP = 16


class Plain:
    """The plain templates of one source; each is read once."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._known: dict[str, tuple[Fragment, ...] | None] = {}

    def render(self, path: str, context: Mapping[str, Any]) -> str | None:
        """A template's text, or None where that is for jinja2 to say."""
        template = self.template(path, 0)
        if template is None:
            return None
        rendering = Rendering(context)
        try:
            for fragment in template:
                fragment.write(rendering)
        except NotPlain:
            return None
        return "".join(rendering.out)

    def template(self, path: str, depth: int) -> tuple[Fragment, ...] | None:
        """The fragments of a template, None if it is not plain; `depth` counts includes around it."""
        if path not in self._known:
            self._known[path] = None  # for one that includes itself
            try:
                text = template_text(self._source, path)
                if text is not None and depth < _DEEP:
                    self._known[path] = tuple(_Reader(text, path, self, depth).block(NAMES, 0, ()))
            except (NotPlain, Unreadable):
                return None
        return self._known[path]

    def included(self, name: str, parent: str, depth: int) -> tuple[Fragment, ...]:
        """The fragments of an included template. Raises `NotPlain`."""
        found = self.template(included_path(self._source, name, parent), depth + 1)
        if found is None:
            raise NotPlain
        return found


class _Reader:
    """One template being read, tag by tag."""

    def __init__(self, text: str, path: str, templates: Plain, depth: int) -> None:
        self._path, self._templates, self._depth = path, templates, depth
        self._pieces = _pieces(text)
        self.last: re.Match[str] | None = None  # the tag that ended the latest block

    def block(self, names: frozenset[str], depth: int, ends: Iterable[str]) -> Iterator[Fragment]:
        """Fragments up to a tag whose word is one of `ends`, or to the end of the text."""
        if depth > _DEEP:
            raise NotPlain
        for piece in self._pieces:
            if isinstance(piece, str):
                if piece:
                    yield Text(piece)
            elif piece["value"]:
                yield _value(piece, names)
            elif piece["if"] == "if":
                yield self._choice(piece, names, depth)
            elif piece["each"]:
                yield self._loop(piece, names, depth)
            elif piece["include"] and names is NAMES:  # what a loop shows an included template is jinja2's
                yield from self._templates.included(_literal(piece["include"]), self._path, self._depth)
            elif piece["comment"] is None:
                if (piece["word"] or piece["if"]) not in ends:
                    raise NotPlain
                self.last = piece
                return
        if ends:
            raise NotPlain

    def _choice(self, tag: re.Match[str], names: frozenset[str], depth: int) -> Choice:
        branches: list[tuple[Condition | Defined | None, tuple[Fragment, ...]]] = []
        while True:
            condition = _condition(tag, names) if tag["if"] else None
            ends = ("elif", "else", "endif") if condition else ("endif",)
            branches.append((condition, tuple(self.block(names, depth + 1, ends))))
            assert self.last is not None
            if self.last["word"] == "endif":
                return Choice(tuple(branches))
            tag = self.last

    def _loop(self, tag: re.Match[str], names: frozenset[str], depth: int) -> Loop:
        name = tag["each"]
        if name in names or name in _WORDS:
            raise NotPlain
        inside = names | {name, "loop"}
        items = _path(tag["list"], names)
        return Loop(name, items, tuple(self.block(inside, depth + 1, ("endfor",))))


def _pieces(text: str) -> Iterator[str | re.Match[str]]:
    """Texts and tags in turns, white space taken away where a tag says so. Raises `NotPlain`."""
    if text.rfind("{#") > text.rfind("#}"):
        raise NotPlain  # not closed, and a search for its end from each of many would take for ever
    at, strip = 0, False
    for tag in _TAG.finditer(text):
        before = text[at : tag.start()]
        if _LEFT.search(before) or before.endswith("{"):
            raise NotPlain
        before = before.lstrip() if strip else before
        yield before.rstrip() if tag["vl"] or tag["bl"] or tag["cl"] else before
        yield tag
        at, strip = tag.end(), bool(tag["vr"] or tag["br"] or tag["cr"])
    rest = text[at:]
    if _LEFT.search(rest):
        raise NotPlain
    yield rest.lstrip() if strip else rest


def _path(text: str, names: frozenset[str]) -> Path:
    path = tuple(text.split("."))
    if path[0] not in names or not _OF_DICT.isdisjoint(path[1:]):
        raise NotPlain
    if path[0] == "loop" and (len(path) != 2 or path[1] not in OF_LOOP):
        raise NotPlain
    return path


def _value(tag: re.Match[str], names: frozenset[str]) -> Value:
    path, filters, default = _path(tag["value"], names), [], None
    for name, first, second in _FILTERS.findall(tag["filters"]):
        if name == "default":
            if filters or default is not None:
                raise NotPlain
            default = _literal(first)
        else:
            filters.append((name, _literal(first), _literal(second)))
    return Value(path, tuple(filters), default)


def _condition(tag: re.Match[str], names: frozenset[str]) -> Condition | Defined:
    path = _path(tag["negated"] or tag["path"], names)
    if tag["not"]:
        return Condition(path, negated=True)
    if tag["op"]:
        return Condition(path, _literal(tag["literal"]), negated=tag["op"] == "!=")
    if tag["is"]:
        return Defined(path, negated=bool(tag["isnot"]))
    return Condition(path)


def _literal(text: str) -> str:
    """A text in quotes, as jinja2's lexer reads it. Raises `NotPlain`."""
    if "\\" not in text:
        return text[1:-1]
    try:
        return text[1:-1].encode("ascii", "backslashreplace").decode("unicode-escape")
    except UnicodeDecodeError:
        raise NotPlain from None
