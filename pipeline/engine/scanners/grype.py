"""Vulnerabilities of an image by its packages as syft lists them: grype with given data, without a network.

Grype reads the listing in a tenth of the time that it needs for the archive, and finds the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.model import Reference
from pipeline.util.dataclass import dataclass

from ..offline import OfflineStep, read_output, run_offline
from ..sbom import DOCUMENTS

if TYPE_CHECKING:
    import dagger

BINARY = "/grype"
DATABASE = "vulnerability-db"
"""The archive of grype's data in its folder, without its ending."""
_, _LISTED = DOCUMENTS["syft-json"]
_DATA = "/own/db"
_REPORT, _LOG = "report.json", "grype.log"
ENVIRONMENT = {
    "GRYPE_CHECK_FOR_APP_UPDATE": "false",
    "GRYPE_DB_AUTO_UPDATE": "false",
    "GRYPE_DB_VALIDATE_AGE": "false",  # `max_age` of the policy is for that
}


@dataclass(frozen=True, slots=True)
class GrypeOutput:
    """Grype's JSON report on an image, and its log, which alone says what it has no data for."""

    report: bytes
    log: str


@dataclass(frozen=True, slots=True)
class Grype:
    """Grype on one engine; `data` holds the archive of its database, named `archive`."""

    client: dagger.Client
    tool: Reference
    data: dagger.Directory
    archive: str

    async def scan(self, listed: dagger.Directory, subject: str) -> GrypeOutput:
        """The report on an image by syft's documents of it. Raises BuildError."""
        command = [BINARY, f"sbom:/in/{_LISTED}", "--output", "json", "--file", f"/out/{_REPORT}"]
        logging = {"GRYPE_LOG_LEVEL": "debug", "GRYPE_LOG_FILE": f"/out/{_LOG}"}
        environment = {**ENVIRONMENT, **logging, "GRYPE_DB_CACHE_DIR": _DATA}
        step = OfflineStep(self.tool, [command], data={_DATA: self._imported()}, environment=environment)
        given = {_LISTED: listed.file(_LISTED)}
        out, doing = run_offline(self.client, step, given), f"scanning {subject} by grype"
        report = await read_output(out, _REPORT, doing)
        return GrypeOutput(report, (await read_output(out, _LOG, doing)).decode())

    def _imported(self) -> dagger.Directory:
        """The database as grype keeps it: unpacked and indexed once for all scans with this data."""
        environment = {**ENVIRONMENT, "GRYPE_DB_CACHE_DIR": "/out"}
        step = OfflineStep(
            self.tool, [[BINARY, "db", "import", f"/in/{self.archive}"]], environment=environment
        )
        return run_offline(self.client, step, {self.archive: self.data.file(self.archive)})
