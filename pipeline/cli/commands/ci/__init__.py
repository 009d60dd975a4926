"""ci: jobs for GitHub, GitLab and Jenkins, generated from ci/lockage.yml."""

from __future__ import annotations

from ...command import CommandGroup
from .check import COMMAND as CHECK
from .generate import COMMAND as GENERATE
from .summary import COMMAND as SUMMARY

COMMANDS = {
    "ci": CommandGroup(
        {
            "generate": ("write the jobs of a provider from ci/lockage.yml", GENERATE),
            "check": ("report generated jobs that differ from what would be written", CHECK),
            "summary": ("merge the reports of a matrix's jobs into one summary", SUMMARY),
        }
    )
}
