"""Engine and registry where there are none: they come up by themselves and leave the host as it was.

`up`, `down` and `status` manage one instance, shared by all checkouts of a user; `hold` keeps it up during
a run. `ensure` makes single tools. Names are imported when they are asked for:
`lockage plan` needs a version and a folder's name from here, nothing more.

`status` is asked for in its own module: a name that is a function and a module could not be told apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

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


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value
