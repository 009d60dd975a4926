"""Where reports go, by options and by what the CI says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipeline.ci import job_of
from pipeline.util.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Destinations:
    """Where a report is wanted: in a folder, in GitHub's file for the summary of this step, or nowhere."""

    folder: Path | None
    step_summary: Path | None
    environ: Mapping[str, str]

    @classmethod
    def of(cls, folder: Path | None, environ: Mapping[str, str]) -> Destinations:
        """The destinations that `--reports` or LOCKAGE_REPORTS and the CI's environment name; a path in the variable is
        below the folder that the command was started in. LOCKAGE_STEP_SUMMARY=off is for one job of many, whose
        reports another job merges."""
        variable = environ.get("LOCKAGE_REPORTS")
        merged = environ.get("LOCKAGE_STEP_SUMMARY") == "off"
        page = None if merged else job_of(environ).step_summary
        return cls(folder or (Path(variable) if variable else None), page, environ)

    @property
    def wanted(self) -> bool:
        """Whether there is any."""
        return self.folder is not None or self.step_summary is not None
