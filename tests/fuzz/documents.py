"""Documents that name each other by digest: written by name, with `DIGEST(name)` and `SIZE(name)` filled in.

So a document can be changed, and those that point to it still do.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

_MARK = re.compile(rb"(DIGEST|SIZE)\(([a-z0-9-]{1,40})\)")
_QUOTED_SIZE = re.compile(rb'"(SIZE\([a-z0-9-]{1,40}\))"')


def filled(documents: Mapping[str, bytes]) -> dict[str, bytes]:
    """The documents with marks replaced; a mark of a document that comes later, or of none, stays."""
    out: dict[str, bytes] = {}
    for name, content in documents.items():
        content = _QUOTED_SIZE.sub(rb"\1", content)
        out[name] = _MARK.sub(lambda mark: _value(mark, out), content)
    return out


def filled_text(text: bytes, documents: Mapping[str, bytes]) -> bytes:
    """A text that names documents, likewise."""
    return _MARK.sub(lambda mark: _value(mark, documents), text)


def _value(mark: re.Match[bytes], known: Mapping[str, bytes]) -> bytes:
    content = known.get(mark[2].decode())
    if content is None:
        return mark[0]
    if mark[1] == b"SIZE":
        return str(len(content)).encode()
    return b"sha256:" + hashlib.sha256(content).hexdigest().encode()


def split(content: bytes, separator: bytes = b"\n=====\n") -> list[tuple[str, bytes]]:
    """Named parts of an input: the first line of each is its name."""
    parts = []
    for part in content.split(separator):
        name, _, text = part.partition(b"\n")
        parts.append((name.decode("utf-8", "replace"), text))
    return parts


def joined(parts: list[tuple[str, bytes]], separator: bytes = b"\n=====\n") -> bytes:
    """An input of named parts."""
    return separator.join(name.encode() + b"\n" + text for name, text in parts)
