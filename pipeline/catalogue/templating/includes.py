"""The files that templates read, determined only from their text: `include`, `extends`, `import` and `from`.

A literal name is searched for as in the sandbox, beside the template and then upwards; a computed name may be any
file. Templates are not parsed: an extra name does no harm, because the result is either rendered and compared, or
reported as possible.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pipeline.util.closure import reachable
from pipeline.util.dataclass import dataclass

from ..source import IMAGES, Source

_TAG = re.compile(rb"\{%[-+]?\s*(?:include|extends|import|from)\b")
_END = re.compile(
    rb"\b(?:ignore\s+missing|with\s+context|without\s+context|import\b.*|as\s+\w+.*)\s*", re.DOTALL
)
_LITERAL = re.compile(rb"\"([^\"\\]*)\"|'([^'\\]*)'")
_LIST = re.compile(rb"[\s\[\](),+-]*")


@dataclass(frozen=True, slots=True)
class Includes:
    """The literal names that a template includes, and whether it computes others."""

    names: tuple[str, ...] = ()
    computed: bool = False


@dataclass(frozen=True, slots=True)
class Reads:
    """The files that a rendering may read, including the template; the paths where it would find others if they
    existed; and whether it computes names."""

    files: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()
    computed: bool = False


def includes_of(content: bytes | None) -> Includes:
    """The includes in a template's text."""
    if content is None or b"{%" not in content:
        return Includes()
    names: list[str] = []
    computed = False
    for inside in _tags(content):
        literals = _LITERAL.findall(inside)
        rest = _END.sub(b"", _LITERAL.sub(b"\0", inside))
        if not literals or re.search(rb"\0\s*\0", rest) or not _LIST.fullmatch(rest.replace(b"\0", b"")):
            computed = True
        names += [(double or single).decode("utf-8", "replace") for double, single in literals]
    return Includes(tuple(names), computed)


def _tags(content: bytes) -> Iterator[bytes]:
    """The texts of all tags that include something, after the tag's name."""
    end = 0
    while tag := _TAG.search(content, end):
        end = content.find(b"%}", tag.end())
        if end < 0:
            return
        yield content[tag.end() : end]


def candidates(template: str, name: str) -> Iterator[str]:
    """The paths where a template's include is searched for, in order."""
    folder = template.rpartition("/")[0]
    while folder:
        yield f"{folder}/{name}"
        if folder == IMAGES:
            break
        folder = folder.rpartition("/")[0]
    yield name


def reads(source: Source, template: str) -> Reads:
    """The files that a rendering of a template may read."""
    missing: set[str] = set()
    computed = False

    def included(path: str) -> Iterator[str]:
        nonlocal computed
        includes = includes_of(source.files[path].content)
        computed = computed or includes.computed
        for name in includes.names:
            for candidate in candidates(path, name):
                if source.get(candidate) is not None:
                    yield candidate
                    break
                missing.add(candidate)

    if source.get(template) is None:
        return Reads(missing=frozenset((template,)))
    files = reachable([template], included)
    return Reads(frozenset(files), frozenset(missing), computed)


def readers(source: Source, changed: Iterable[str]) -> frozenset[str]:
    """The templates that may read one of these paths, directly or through others; the paths themselves too."""
    including: dict[str, list[str]] = {}
    computing: list[str] = []
    for path, entry in source.files.items():
        content = entry.content
        if content is not None and b"{%" in content and path.startswith(f"{IMAGES}/"):
            includes = includes_of(content)
            if includes.computed:
                computing.append(path)
            for name in includes.names:
                for candidate in candidates(path, name):
                    including.setdefault(candidate, []).append(path)
    return frozenset(reachable([*changed, *computing], lambda path: including.get(path, ())))
