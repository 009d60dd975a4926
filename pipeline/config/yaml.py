"""YAML that cannot surprise: scalars as written, no duplicate keys, no bombs, every value with its place.

The reader takes the parser's events (libyaml where it is there) and builds plain values itself:
every scalar is a `str` exactly as written (`1.10`, `no`, `12:30`), only a plain `null`, `~` or nothing is
`None`. YamlValue scalars are `YamlValue`, so that a model can still tell `8` from `"8"`. Nothing recurses, so that
depth costs memory and never the stack.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from pipeline.errors import Problem
from pipeline.util.dataclass import dataclass

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 64
MAX_NODES = 100_000  # after aliases are expanded
MAX_ALIASES = 100

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SCALAR, _END = yaml.ScalarEvent, yaml.StreamEndEvent
_MAPPING = yaml.MappingStartEvent
_STARTS = frozenset((_MAPPING, yaml.SequenceStartEvent))
_ENDS = frozenset((yaml.MappingEndEvent, yaml.SequenceEndEvent))
_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_CORE = "tag:yaml.org,2002:"
_PLAIN_TAGS = frozenset(_CORE + name for name in ("int", "float", "bool"))
_TAGS = {
    "scalar": _PLAIN_TAGS | {_CORE + "str", _CORE + "null", "!"},
    "map": frozenset((_CORE + "map", "!")),
    "seq": frozenset((_CORE + "seq", "!")),
}

KeyPath = tuple[str | int, ...]


class YamlValue(str):
    """A scalar written without quotes."""

    __slots__ = ()


class YamlProblem(Exception):
    """The text is not acceptable YAML; `problem` says where and why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class _TooDeep(YamlProblem):
    """More than `MAX_DEPTH` levels."""


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """One YAML text: its value, and on demand the place of every key and value in it."""

    path: str
    text: str
    value: Any
    merge_keys: bool = False

    def positions(self) -> Positions:
        """The places of all keys and values (line and column from 1); reads the text a second time."""
        builder = _Builder(self.path, places=True, merge_keys=self.merge_keys)
        builder.run(self.text)
        return Positions(builder.keys, builder.values)


@dataclass(frozen=True, slots=True)
class Positions:
    """Where keys and values stand, by their path (`("tags", 0, "name")`)."""

    keys: Mapping[KeyPath, tuple[int, int]]
    values: Mapping[KeyPath, tuple[int, int]]

    def of(self, path: KeyPath, *, key: bool = False) -> tuple[int, int]:
        """Line and column of a value (or of its key); of the nearest parent that is there, otherwise."""
        if key and path in self.keys:
            return self.keys[path]
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path, (1, 1))


def load(content: bytes | str, path: str, *, merge_keys: bool = False) -> YamlDocument:
    """Read one YAML document; with `merge_keys`, `<<` is a key like any other. Raises `YamlProblem` with line and
    column for what is refused: syntax errors, duplicate keys, tags outside the core schema, merge keys, several
    documents, more than `MAX_BYTES` of text, `MAX_DEPTH` levels, `MAX_ALIASES` aliases or `MAX_NODES` values.
    """
    if len(content) > MAX_BYTES:
        raise _refuse(path, 0, 0, f"the file is larger than {MAX_BYTES // 1024} KiB")
    if isinstance(content, bytes):
        try:
            content = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            raise _refuse(path, line, 1, "the file is not UTF-8 text") from None
    builder = _Builder(path, places=False, merge_keys=merge_keys)
    return YamlDocument(path, content, builder.run(content), merge_keys)


def _refuse(path: str, line: int, column: int, message: str, suggestion: str | None = None) -> YamlProblem:
    return YamlProblem(Problem(path, line, column, "", message, suggestion))


class _Frame:
    """A collection being filled."""

    __slots__ = ("anchor", "key", "nodes_before", "path", "value")

    def __init__(self, value: Any, path: KeyPath, anchor: str | None, nodes_before: int) -> None:
        self.value, self.path, self.anchor, self.nodes_before = value, path, anchor, nodes_before
        self.key: str | None = None


class _Builder:
    """Turns the parser's events into a value, and notes places when asked to."""

    def __init__(self, path: str, *, places: bool, merge_keys: bool = False) -> None:
        self.path, self.places, self.merge_keys = path, places, merge_keys
        self.keys: dict[KeyPath, tuple[int, int]] = {}
        self.values: dict[KeyPath, tuple[int, int]] = {}
        self.stack: list[_Frame] = []
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.nodes = self.aliases = self.documents = 0
        self.root: Any = None

    def run(self, text: str) -> Any:
        try:
            self._parse(text)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            if mark:
                self._refuse_depth(text[: mark.index])
            line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
            message = error.problem or error.context or "not YAML"
            raise _refuse(self.path, line, column, f"not valid YAML: {message}") from None
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1 if isinstance(error.position, int) else 0
            raise _refuse(self.path, line, 1, "the file holds a character that YAML does not allow") from None
        return self.root

    def _parse(self, text: str) -> None:
        loader = _LOADER(text)
        following, scalar, take = loader.get_event, self._scalar, self._take
        try:
            while (kind := type(event := following())) is not _END:
                if kind is _SCALAR:
                    scalar(event)
                else:
                    take(event, kind)
        finally:
            loader.dispose()

    def _refuse_depth(self, text: str) -> None:
        """Raise for what is too deep in the text before a parser's error: libyaml reads ahead of its events, and where
        it has a limit of its own (PyYAML 6.0.4: 1,000 levels), it reaches that one first."""
        try:
            _Builder(self.path, places=False)._parse(text)
        except _TooDeep:
            raise
        except (YamlProblem, yaml.YAMLError):
            return

    def _take(self, event: Any, kind: type) -> None:
        if kind in _STARTS:
            self._open(event, {} if kind is _MAPPING else [])
        elif kind in _ENDS:
            frame = self.stack.pop()
            if frame.anchor:
                self.anchors[frame.anchor] = (frame.value, self.nodes - frame.nodes_before)
        elif kind is yaml.AliasEvent:
            self._alias(event)
        elif kind is yaml.DocumentStartEvent:
            self.documents += 1
            if self.documents > 1:
                raise self._at(event, "one document is expected, another starts here")

    def _scalar(self, event: Any) -> None:
        tag, text = event.tag, event.value
        if tag and tag not in _TAGS["scalar"]:
            raise self._at(event, f"the tag {tag[:60]!r} is not allowed")
        plain = (event.implicit[0] and not event.style) if not tag else tag in _PLAIN_TAGS
        frame = self.stack[-1] if self.stack else None
        if frame is not None and frame.key is None and type(frame.value) is dict:
            self._key(event, frame, text, plain)
            return
        value: Any = text
        if plain:
            value = None if text in _NULLS else YamlValue(text)
        elif tag == _CORE + "null":
            value = None
        self._count(event, 1)
        self._place(event, value)
        if event.anchor:
            self.anchors[event.anchor] = (value, 1)

    def _key(self, event: Any, frame: _Frame, text: str, plain: bool) -> None:
        if plain and text == "<<" and not self.merge_keys:
            raise self._at(event, "merge keys (<<) are not read", "Image → Tag → Variant merges by itself")
        if text in frame.value:
            raise self._at(event, f"the key {text[:80]!r} is written twice")
        if not text:
            raise self._at(event, "a key is empty")
        frame.key = text
        if self.places:
            self.keys[(*frame.path, text)] = _place(event)

    def _open(self, event: Any, value: Any) -> None:
        tag = event.tag
        if tag and tag not in _TAGS["map" if type(value) is dict else "seq"]:
            raise self._at(event, f"the tag {tag[:60]!r} is not allowed")
        if len(self.stack) >= MAX_DEPTH:
            message = f"more than {MAX_DEPTH} levels deep"
            raise _TooDeep(Problem(self.path, *_place(event), "", message))
        if self.stack and self.stack[-1].key is None and type(self.stack[-1].value) is dict:
            raise self._at(event, "a key must be a single word or text")
        before = self.nodes
        self._count(event, 1)
        path = self._place(event, value)
        self.stack.append(_Frame(value, path, event.anchor, before))

    def _alias(self, event: Any) -> None:
        if self.stack and self.stack[-1].key is None and type(self.stack[-1].value) is dict:
            raise self._at(event, "an alias cannot be a key")
        self.aliases += 1
        if self.aliases > MAX_ALIASES:
            raise self._at(event, f"more than {MAX_ALIASES} aliases")
        if event.anchor not in self.anchors:
            raise self._at(event, f"the alias *{event.anchor} has no anchor before it, or stands inside it")
        value, nodes = self.anchors[event.anchor]
        self._count(event, nodes)
        self._place(event, value)

    def _count(self, event: Any, nodes: int) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            raise self._at(event, f"more than {MAX_NODES} values once aliases are expanded")

    def _place(self, event: Any, value: Any) -> KeyPath:
        path: KeyPath = ()
        if not self.stack:
            self.root = value
        else:
            frame = self.stack[-1]
            step: str | int
            if type(frame.value) is dict:
                step = frame.key or ""
                frame.value[step] = value
                frame.key = None
            else:
                step = len(frame.value)
                frame.value.append(value)
            if self.places:
                path = (*frame.path, step)
        if self.places:
            self.values[path] = _place(event)
        return path

    def _at(self, event: Any, message: str, suggestion: str | None = None) -> YamlProblem:
        return _refuse(self.path, *_place(event), message, suggestion)


def _place(event: Any) -> tuple[int, int]:
    mark = event.start_mark
    return mark.line + 1, mark.column + 1
