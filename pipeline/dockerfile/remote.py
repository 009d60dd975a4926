"""Addresses that BuildKit fetches itself, and whether their content can change (frontend/dockerfile/dfgitutil)."""

from __future__ import annotations

import re
from urllib.parse import parse_qs

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_HTTP_PATH = re.compile(r"https?://[^/?#]*(/?[^?#]*)")
_SCP = re.compile(r"[a-zA-Z0-9-_]+@[a-zA-Z0-9-.]+:.+")


def is_remote(source: str) -> bool:
    """Whether a source of ADD, or a context, is an address and not a path."""
    return source.startswith(("http://", "https://")) or is_git(source)


def is_git(source: str) -> bool:
    """Whether an address names a git repository."""
    if source.startswith(("git://", "ssh://")) or _SCP.fullmatch(source):
        return True
    path = _HTTP_PATH.match(source)
    return path is not None and path[1].endswith(".git")


def is_pinned(source: str, checksum: str | None = None) -> bool:
    """Whether an address always gives the same content: a full git commit, or a file with its checksum."""
    if not is_git(source):
        return bool(checksum)
    if checksum and "$" in checksum:
        return True  # a variable, set by the build
    before, _, fragment = source.partition("#")
    query = parse_qs(before.partition("?")[2])
    named = [checksum or "", fragment.partition(":")[0]]
    named += [value for key in ("checksum", "commit", "ref") for value in query.get(key, ())]
    return any(_COMMIT.fullmatch(name) for name in named)
