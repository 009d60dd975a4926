"""The lab's own mirror: what a machine needs where no public container registry is reachable.

`seed` fills the embedded registry with stand-ins for the official images that the pipeline refers to, under
`mirror/<host>/…`, so that one mirror rule per host makes every reference resolve.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .site import Seeded, Site

if TYPE_CHECKING:
    from .fill import needed, seed

__all__ = ["Seeded", "Site", "needed", "seed"]


def __getattr__(name: str) -> Any:
    """`seed` and `needed` bring what makes images; who only reads the site's record does without."""
    if name not in ("needed", "seed"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import fill

    return getattr(fill, name)
