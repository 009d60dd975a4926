"""ci: jobs for GitHub, GitLab and Jenkins, generated from ci/lockage.yml."""

from __future__ import annotations

from ...command import CommandGroup
from .check import COMMAND as CHECK
from .generate import COMMAND as GENERATE

COMMANDS = {
    "ci": CommandGroup(
        {
            "generate": ("write the jobs of a provider from ci/lockage.yml", GENERATE),
            "check": ("report generated jobs that differ from what would be written", CHECK),
        }
    )
}
