"""Vulnerabilities and secrets of an image: trivy with given databases, without a network or credentials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import BuildError
from pipeline.model import Reference

from .faults import explained
from .offline import OfflineStep, run_offline

if TYPE_CHECKING:
    import dagger

BINARY = "/usr/local/bin/trivy"
ARCHIVE = "/in/image.tar"
"""What is scanned, by the name that it has in reports."""
_SCANNERS = ["--scanners", "vuln,secret", "--image-config-scanners", "secret"]
_QUIET = ["--no-progress", "--format", "json", "--output", "/out/report.json"]
_OFFLINE = ["--skip-db-update", "--skip-java-db-update", "--skip-version-check", "--offline-scan"]
# Trivy goes by these endings, in any case; its patterns are doublestar's.
_JAVA_ARCHIVES = [
    f"--skip-files=**/*.{''.join(f'[{c}{c.upper()}]' for c in ending)}"
    for ending in ("jar", "war", "ear", "par")
]
_NO_JAVA_DATA = "Unable to initialize the Java DB"  # trivy has no exit code of its own for it


class JavaDataNeeded(Exception):
    """The image holds Java archives, and the scanner has no data about them."""


@dataclass(frozen=True, slots=True)
class Scanner:
    """Trivy on one engine; `vulnerabilities` holds `trivy.db` and `metadata.json`."""

    client: dagger.Client
    tool: Reference
    vulnerabilities: dagger.Directory

    async def scan(
        self, archive: dagger.File, subject: str, *, java: dagger.Directory | None = None
    ) -> bytes:
        """Trivy's JSON report on packages and secrets; `java` holds `trivy-java.db` and `metadata.json`.

        Raises BuildError; without `java`, JavaDataNeeded for an image with Java archives.
        """
        # Trivy writes beside its database, so it gets a copy: a layer that all scans with this database share.
        cache = self.client.directory().with_directory("cache/db", self.vulnerabilities)
        if java is not None:
            return await self._run(archive, cache.with_directory("cache/java-db", java), subject)
        try:
            return await self._run(archive, cache, subject)
        except BuildError as fault:
            if _NO_JAVA_DATA in (fault.detail or ""):
                raise JavaDataNeeded from None
            raise

    async def scan_without_java(self, archive: dagger.File, subject: str) -> bytes:
        """The report without Java archives, where there is no data about them."""
        cache = self.client.directory().with_directory("cache/db", self.vulnerabilities)
        return await self._run(archive, cache, subject, *_JAVA_ARCHIVES)

    async def _run(self, archive: dagger.File, cache: dagger.Directory, subject: str, *options: str) -> bytes:
        command = [BINARY, "image", "--input", ARCHIVE, *_SCANNERS, *options]
        inputs = self.client.directory().with_file("image.tar", archive)
        with explained(f"scanning {subject}"):
            step = OfflineStep(
                self.tool,
                [[*command, *_OFFLINE, *_QUIET]],
                own=cache,
                environment={"TRIVY_CACHE_DIR": "/own/cache"},
            )
            out = run_offline(self.client, step, inputs)
            return (await out.file("report.json").contents()).encode()
