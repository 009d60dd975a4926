"""policy: the gates in force and where they are set, what another would decide, and policies for clusters."""

from __future__ import annotations

from ...command import CommandGroup
from .admission import COMMAND as ADMISSION
from .explain import COMMAND as EXPLAIN
from .try_policy import COMMAND as TRY

COMMANDS = {
    "policy": CommandGroup(
        {
            "explain": (
                "show the gates of a target, each value with the file and line that sets it",
                EXPLAIN,
            ),
            "admission": (
                "write admission policies for a cluster from the rules of verify --rules",
                ADMISSION,
            ),
            "try": ("judge what the registry knows by the policy of a file, and change nothing", TRY),
        }
    )
}
