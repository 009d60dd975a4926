"""Vulnerabilities and secrets of an image: trivy with given databases, without a network or credentials."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline.errors import BuildError
from pipeline.model import Reference

from .faults import explained
from .offline import CacheFolder, OfflineStep, run_offline

if TYPE_CHECKING:
    import dagger

BINARY = "/usr/local/bin/trivy"
ARCHIVE = "/in/image.tar"
"""What is scanned, by the name that it has in reports."""
_DOCUMENT = "sbom.json"
_SCANNERS = ["--scanners", "vuln,secret", "--image-config-scanners", "secret"]
_QUIET = ["--no-progress", "--format", "json", "--output", "/out/report.json"]
_OFFLINE = ["--skip-db-update", "--skip-java-db-update", "--skip-version-check", "--offline-scan"]
# Trivy goes by these endings, in any case; its patterns are doublestar's.
_JAVA_ARCHIVES = [
    f"--skip-files=**/*.{''.join(f'[{c}{c.upper()}]' for c in ending)}"
    for ending in ("jar", "war", "ear", "par")
]
_HASH_LENGTH = 16  # hex digits
_LAYERS = "/own/cache/fanal"  # what trivy knows of layers, by their content and its own analyzers' versions
_CACHE_BROKEN = "unable to initialize fs cache"
_NO_JAVA_DATA = "Unable to initialize the Java DB"  # trivy has no exit code of its own for it


class JavaDataNeeded(Exception):
    """The image holds Java archives, and the scanner has no data about them."""


@dataclass(frozen=True, slots=True)
class Scanner:
    """Trivy on one engine; `vulnerabilities` holds `trivy.db` and `metadata.json`.

    Scanners with the same `cache` share what they know of layers, one after the other: an image's base is analyzed
    once. Trivy believes an image about its layers' contents, so only images that trust each other share one.
    """

    client: dagger.Client
    tool: Reference
    vulnerabilities: dagger.Directory
    cache: str | None = None

    async def scan(
        self, archive: dagger.File, subject: str, *, java: dagger.Directory | None = None
    ) -> bytes:
        """Trivy's JSON report on packages and secrets; `java` holds `trivy-java.db` and `metadata.json`.

        Raises BuildError; without `java`, JavaDataNeeded for an image with Java archives.
        """
        step = self._image()
        if java is not None:  # what is known of layers does not tell by which Java data
            data = self._data.with_directory("cache/java-db", java)
            return await self._run(replace(step, own=data, cache=None), self._given(archive), subject)
        try:
            return await self._run(step, self._given(archive), subject)
        except BuildError as fault:
            if _NO_JAVA_DATA in (fault.detail or ""):
                raise JavaDataNeeded from None
            raise

    async def scan_without_java(self, archive: dagger.File, subject: str) -> bytes:
        """The report without Java archives, where there is no data about them."""
        return await self._run(self._image(*_JAVA_ARCHIVES), self._given(archive), subject)

    async def scan_sbom(self, document: str, subject: str) -> bytes:
        """Trivy's JSON report on the packages of a CycloneDX document. Raises BuildError."""
        step = self._step("sbom", f"/in/{_DOCUMENT}", "--scanners", "vuln")
        return await self._run(step, self.client.directory().with_new_file(_DOCUMENT, document), subject)

    @property
    def layers(self) -> CacheFolder | None:
        """Where trivy keeps what it knows of layers, for each version of it."""
        if self.cache is None:
            return None
        name = hashlib.sha256(f"{self.tool}\n{self.cache}".encode()).hexdigest()[:_HASH_LENGTH]
        return CacheFolder(f"lockage-trivy-{name}", _LAYERS)

    @property
    def _data(self) -> dagger.Directory:
        """Trivy writes beside its database, so it gets a copy: a layer that all scans with this database share."""
        return self.client.directory().with_directory("cache/db", self.vulnerabilities)

    def _given(self, archive: dagger.File) -> dagger.Directory:
        return self.client.directory().with_file("image.tar", archive)

    def _image(self, *options: str) -> OfflineStep:
        step = self._step("image", "--input", ARCHIVE, *_SCANNERS, *options)
        return replace(step, cache=self.layers)

    def _step(self, *arguments: str) -> OfflineStep:
        command = [BINARY, *arguments, *_OFFLINE, *_QUIET]
        return OfflineStep(
            self.tool, [command], own=self._data, environment={"TRIVY_CACHE_DIR": "/own/cache"}
        )

    async def _run(self, step: OfflineStep, inputs: dagger.Directory, subject: str) -> bytes:
        try:
            return await self._report(step, inputs, subject)
        except BuildError as fault:
            if step.cache is None or _CACHE_BROKEN not in (fault.detail or ""):
                raise
            return await self._report(replace(step, cache=None), inputs, subject)

    async def _report(self, step: OfflineStep, inputs: dagger.Directory, subject: str) -> bytes:
        with explained(f"scanning {subject}"):
            out = run_offline(self.client, step, inputs)
            return (await out.file("report.json").contents()).encode()
