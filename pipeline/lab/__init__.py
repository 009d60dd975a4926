"""Engine and registry where there are none: they come up by themselves and leave the host as it was.

`up`, `down` and `status` manage one instance, shared by all checkouts of a user; `hold` keeps it up during
a run. `ensure` makes single tools. Names are imported when they are asked for:
`lockage plan` needs a version and a folder's name from here, nothing more.

`status` is asked for in its own module: a name that is a function and a module could not be told apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.util.lazy import names

if TYPE_CHECKING:
    from .backend import Backend, HostProbe, choose_backend
    from .daemons import DaemonState
    from .instance import Instance, down, up
    from .leases import Lease, hold
    from .settings import LabSettings, Report, quiet
    from .status import DaemonStatus, InstanceStatus
    from .tools.toolbox import cached, ensure

_HOMES = {
    "backend": (
        "HostProbe",
        "Backend",
        "choose_backend",
    ),
    "daemons": ("DaemonState",),
    "instance": (
        "Instance",
        "down",
        "up",
    ),
    "leases": (
        "Lease",
        "hold",
    ),
    "settings": (
        "Report",
        "LabSettings",
        "quiet",
    ),
    "status": (
        "DaemonStatus",
        "InstanceStatus",
    ),
    "tools.toolbox": (
        "cached",
        "ensure",
    ),
}
__getattr__ = names(__name__, _HOMES)

__all__ = [
    "Backend",
    "DaemonState",
    "DaemonStatus",
    "HostProbe",
    "Instance",
    "InstanceStatus",
    "LabSettings",
    "Lease",
    "Report",
    "cached",
    "choose_backend",
    "down",
    "ensure",
    "hold",
    "quiet",
    "up",
]
