"""Vulnerabilities and secrets of an image: trivy with given databases, without a network or credentials."""

from __future__ import annotations

from collections.abc import Sequence
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
_DOCUMENT = "sbom.json"
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
        if java is not None:
            return await self._image(archive, self._cache.with_directory("cache/java-db", java), subject)
        try:
            return await self._image(archive, self._cache, subject)
        except BuildError as fault:
            if _NO_JAVA_DATA in (fault.detail or ""):
                raise JavaDataNeeded from None
            raise

    async def scan_without_java(self, archive: dagger.File, subject: str) -> bytes:
        """The report without Java archives, where there is no data about them."""
        return await self._image(archive, self._cache, subject, *_JAVA_ARCHIVES)

    async def scan_sbom(self, document: str, subject: str) -> bytes:
        """Trivy's JSON report on the packages of a CycloneDX document. Raises BuildError."""
        inputs = self.client.directory().with_new_file(_DOCUMENT, document)
        command = [BINARY, "sbom", f"/in/{_DOCUMENT}", "--scanners", "vuln"]
        return await self._run(inputs, self._cache, subject, command)

    @property
    def _cache(self) -> dagger.Directory:
        """Trivy writes beside its database, so it gets a copy: a layer that all scans with this database share."""
        return self.client.directory().with_directory("cache/db", self.vulnerabilities)

    async def _image(
        self, archive: dagger.File, cache: dagger.Directory, subject: str, *options: str
    ) -> bytes:
        inputs = self.client.directory().with_file("image.tar", archive)
        command = [BINARY, "image", "--input", ARCHIVE, "--scanners", "vuln,secret", *options]
        return await self._run(inputs, cache, subject, command)

    async def _run(
        self, inputs: dagger.Directory, cache: dagger.Directory, subject: str, command: Sequence[str]
    ) -> bytes:
        with explained(f"scanning {subject}"):
            step = OfflineStep(
                self.tool,
                [[*command, *_OFFLINE, *_QUIET]],
                own=cache,
                environment={"TRIVY_CACHE_DIR": "/own/cache"},
            )
            out = run_offline(self.client, step, inputs)
            return (await out.file("report.json").contents()).encode()
