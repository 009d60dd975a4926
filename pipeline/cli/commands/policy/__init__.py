"""policy: the gates in force and where they are set, and what another policy would decide."""

from __future__ import annotations

from ...command import CommandGroup
from .explain import COMMAND as EXPLAIN
from .try_policy import COMMAND as TRY

COMMANDS = {
    "policy": CommandGroup(
        {
            "explain": (
                "show the gates of a target, each value with the file and line that sets it",
                EXPLAIN,
            ),
            "try": ("judge what the registry knows by the policy of a file, and change nothing", TRY),
        }
    )
}
