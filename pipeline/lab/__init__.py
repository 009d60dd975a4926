"""Engine and registry where there are none: they come up by themselves and leave the host as it was.

`up`, `down` and `status` manage one instance, shared by all checkouts of a user; `hold` keeps it up during
a run. `ensure` makes single tools. Importing this costs no more than anyio.
"""

from pipeline.lab.daemons import State
from pipeline.lab.instance import Instance, down, up
from pipeline.lab.settings import Report, Settings, quiet
from pipeline.lab.status import DaemonStatus, Status, status
from pipeline.lab.toolbox import cached, ensure
from pipeline.lab.users import User, hold, users
from pipeline.lab.way import Probe, Way, decide

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
    "status",
    "up",
    "users",
]
