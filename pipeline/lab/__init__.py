"""Engine and registry where there are none: they come up by themselves and leave the host as it was.

`up`, `down` and `status` manage one instance, shared by all checkouts of a user; `hold` keeps it up during
a run. `ensure` makes single tools. Names are imported when they are asked for:
`lockage plan` needs a version and a folder's name from here, nothing more.

`status` is asked for in its own module: a name that is a function and a module could not be told apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.lazy import names

if TYPE_CHECKING:
    from .daemons import State
    from .instance import Instance, down, up
    from .settings import Report, Settings, quiet
    from .status import DaemonStatus, Status
    from .toolbox import cached, ensure
    from .users import User, hold
    from .way import Probe, Way, decide

_HOMES = {
    "daemons": ("State",),
    "instance": ("Instance", "down", "up"),
    "settings": ("Report", "Settings", "quiet"),
    "status": ("DaemonStatus", "Status"),
    "toolbox": ("cached", "ensure"),
    "users": ("User", "hold"),
    "way": ("Probe", "Way", "decide"),
}
__getattr__ = names(__name__, _HOMES)

__all__ = [
    "DaemonStatus",
    "Instance",
    "Probe",
    "Report",
    "Settings",
    "State",
    "Status",
    "User",
    "Way",
    "cached",
    "decide",
    "down",
    "ensure",
    "hold",
    "quiet",
    "up",
]
