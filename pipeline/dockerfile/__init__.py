"""Dockerfiles, parsed as BuildKit does: instructions, words, base images, sources of COPY.

Names of the package are imported on first use: a plan that was read back asks its Dockerfiles nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.util.lazy import names

if TYPE_CHECKING:
    from .base_uses import BaseUse
    from .bases import context_name, final_base, rewrite_uses
    from .labels import labels_of

if not TYPE_CHECKING:
    __getattr__ = names(
        __name__,
        {
            "base_uses": ("BaseUse",),
            "bases": ("context_name", "final_base", "rewrite_uses"),
            "labels": ("labels_of",),
        },
    )

__all__ = ["BaseUse", "context_name", "final_base", "labels_of", "rewrite_uses"]
