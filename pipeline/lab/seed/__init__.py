"""The lab's own mirror: what a machine needs where no public container registry is reachable.

`seed` fills the embedded registry with stand-ins for the official images that the pipeline refers to, under
`mirror/<host>/…`, so that one mirror rule per host makes every reference resolve.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.util.lazy import names

from .site import Seeded, Site

if TYPE_CHECKING:
    from .fill import needed, own_platform, seed

# What makes images is brought when it is asked for; who only reads the site's record does without.
__getattr__ = names(__name__, {"fill": ("needed", "own_platform", "seed")})

__all__ = ["Seeded", "Site", "needed", "own_platform", "seed"]
