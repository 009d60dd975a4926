"""`images/` and `lockage.yml`: read, resolved level by level, rendered. Pure, except for `read_source`.

Names are imported on first use, so that reading a cached plan imports neither pydantic, PyYAML nor jinja2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.util.lazy import names

if TYPE_CHECKING:
    from .aliases import automatic_aliases
    from .named_contexts import NamedContext
    from .rootfs import RootfsEntry
    from .source import Source, SourceFile, lock_of, read_source

_HOMES = {
    "aliases": ("automatic_aliases",),
    "named_contexts": ("NamedContext",),
    "rootfs": ("RootfsEntry",),
    "source": (
        "SourceFile",
        "Source",
        "lock_of",
        "read_source",
    ),
}
if not TYPE_CHECKING:
    __getattr__ = names(__name__, _HOMES)

__all__ = [
    "NamedContext",
    "RootfsEntry",
    "Source",
    "SourceFile",
    "automatic_aliases",
    "lock_of",
    "read_source",
]
