"""Which templates read which files, from their text alone: `include`, `extends`, `import` and `from`.

A name written as a literal is looked for as the sandbox looks for it, beside the template and then upwards;
a name that is computed may be any file, and is treated so. Nothing is parsed: too much is never a fault here,
because what is found is either rendered and compared, or said to be possible.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..source import IMAGES, Source

_TAG = re.compile(rb"\{%[-+]?\s*(?:include|extends|import|from)\b(.*?)%\}", re.DOTALL)
_END = re.compile(
    rb"\b(?:ignore\s+missing|with\s+context|without\s+context|import\b.*|as\s+\w+.*)\s*", re.DOTALL
)
_LITERAL = re.compile(rb"\"([^\"\\]*)\"|'([^'\\]*)'")
_LIST = re.compile(rb"[\s\[\](),+-]*")


@dataclass(frozen=True, slots=True)
class Includes:
    """The names that a template includes as they are written, and whether it computes others."""

    names: tuple[str, ...] = ()
    computed: bool = False


def includes_of(content: bytes | None) -> Includes:
    """What a template's text includes."""
    if content is None or b"{%" not in content:
        return Includes()
    names: list[str] = []
    computed = False
    for tag in _TAG.finditer(content):
        found = _LITERAL.findall(tag[1])
        rest = _END.sub(b"", _LITERAL.sub(b"\0", tag[1]))
        if not found or re.search(rb"\0\s*\0", rest) or not _LIST.fullmatch(rest.replace(b"\0", b"")):
            computed = True
        names += [(double or single).decode("utf-8", "replace") for double, single in found]
    return Includes(tuple(names), computed)


def looked_for(template: str, name: str) -> Iterator[str]:
    """Where a template's include is looked for, in order."""
    folder = template.rpartition("/")[0]
    while folder:
        yield f"{folder}/{name}"
        if folder == IMAGES:
            break
        folder = folder.rpartition("/")[0]
    yield name


def reads(source: Source, template: str) -> tuple[frozenset[str], frozenset[str], bool]:
    """What a rendering of a template may read: the files that are there (itself among them), the paths at
    which it would find others if they were, and whether it computes names."""
    found: set[str] = set()
    missing: set[str] = set()
    computed = False
    waiting = [template]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        entry = source.get(path)
        if entry is None:
            missing.add(path)
            continue
        found.add(path)
        includes = includes_of(entry.content)
        computed = computed or includes.computed
        for name in includes.names:
            for place in looked_for(path, name):
                if source.get(place) is not None:
                    waiting.append(place)
                    break
                missing.add(place)
    return frozenset(found), frozenset(missing), computed


def readers(source: Source, changed: Iterable[str]) -> frozenset[str]:
    """The templates that may read one of these paths, through others as well; the paths themselves too."""
    reached = set(changed)
    known: dict[str, tuple[set[str], bool]] = {}
    for path, entry in source.files.items():
        content = entry.content
        if content is not None and b"{%" in content and path.startswith(f"{IMAGES}/"):
            includes = includes_of(content)
            if includes.names or includes.computed:
                places = {place for name in includes.names for place in looked_for(path, name)}
                known[path] = (places, includes.computed)
    again = True
    while again:
        more = {p for p, (places, computed) in known.items() if computed or not places.isdisjoint(reached)}
        again = not more <= reached
        reached |= more
    return frozenset(reached)
