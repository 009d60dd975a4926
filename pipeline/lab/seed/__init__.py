"""The lab's own mirror: what a machine needs where no public container registry is reachable.

`seed` fills the embedded registry with stand-ins for the official images that the pipeline refers to, under
`mirror/<host>/…`, so that one mirror rule per host makes every reference resolve.
"""

from .fill import needed, seed
from .site import Seeded, Site

__all__ = ["Seeded", "Site", "needed", "seed"]
