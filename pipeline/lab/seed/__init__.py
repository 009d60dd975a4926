"""The machine's own mirror, for machines where no public container registry is reachable.

`seed` fills the embedded registry with stand-ins for the official images that the pipeline refers to, under
`mirror/<host>/…`, so that one mirror rule per host resolves every reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.util.lazy import names

from .site import SeededImage, Site

if TYPE_CHECKING:
    from .official_images import needed, on_demand, own_platform
    from .seeding import seed

# Reading the site's record does not import what builds images.
if not TYPE_CHECKING:
    __getattr__ = names(
        __name__, {"official_images": ("needed", "on_demand", "own_platform"), "seeding": ("seed",)}
    )

__all__ = ["SeededImage", "Site", "needed", "on_demand", "own_platform", "seed"]
