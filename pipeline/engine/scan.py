"""Vulnerabilities and secrets of an image: trivy with given databases, without a network or credentials."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.errors import BuildError
from pipeline.model import Reference
from pipeline.util.dataclass import dataclass

from .offline import CacheFolder, OfflineStep, read_output, run_offline

if TYPE_CHECKING:
    import dagger

BINARY = "/usr/local/bin/trivy"
ARCHIVE = "/in/image.tar"
"""What is scanned, by the name that it has in reports."""
_HISTORY = "texts"  # the folder of /in with the history, which an archive of the engine does not have
HISTORY = "image history"
"""What reports call the image's history."""
_DOCUMENT = "sbom.json"
_SECRETS = ["--image-config-scanners", "secret"]
_QUIET = ["--no-progress", "--format", "json"]
_REPORT = "report.json"
_OFFLINE = ["--skip-db-update", "--skip-java-db-update", "--skip-version-check", "--offline-scan"]
# Trivy goes by these endings, in any case; its patterns are doublestar's.
_JAVA_ARCHIVES = [
    f"--skip-files=**/*.{''.join(f'[{c}{c.upper()}]' for c in ending)}"
    for ending in ("jar", "war", "ear", "par")
]
_HASH_LENGTH = 16  # hex digits
_CACHE = "/own/cache"
_LAYERS = f"{_CACHE}/fanal"  # what trivy knows of layers, by their content and its own analyzers' versions
_CACHE_BROKEN = "unable to initialize fs cache"
_NO_JAVA_DATA = "Unable to initialize the Java DB"  # trivy has no exit code of its own for it


@dataclass(frozen=True, slots=True)
class GivenImage:
    """An image as the scanner gets it: its archive, and the text of its history."""

    archive: dagger.File
    history: str = ""

    @property
    def inputs(self) -> Mapping[str, dagger.File | str]:
        """Both, by their paths in /in."""
        return {"image.tar": self.archive, f"{_HISTORY}/{HISTORY}": self.history}


@dataclass(frozen=True, slots=True)
class ImageReports:
    """Trivy's JSON report on an image, and the one on the secrets in its history."""

    image: bytes
    history: bytes


class JavaDataNeeded(Exception):
    """The image holds Java archives, and the scanner has no data about them."""


@dataclass(frozen=True, slots=True)
class Scanner:
    """Trivy on one engine; `vulnerabilities` holds `trivy.db` and `metadata.json`. Without it, trivy looks for secrets
    only.

    Scanners with the same `cache` share what they know of layers, one after the other: an image's base is analyzed
    once. Trivy believes an image about its layers' contents, so only images that trust each other share one.
    """

    client: dagger.Client
    tool: Reference
    vulnerabilities: dagger.Directory | None
    cache: str | None = None

    async def scan(
        self, image: GivenImage, subject: str, *, java: dagger.Directory | None = None
    ) -> ImageReports:
        """Trivy's reports on packages and secrets of an image, and on those of its history; `java` holds
        `trivy-java.db` and `metadata.json`.

        Raises BuildError; without `java`, JavaDataNeeded for an image with Java archives.
        """
        step, given = self._image(), image.inputs
        if java is not None:  # what is known of layers does not tell by which Java data
            data = {**step.data, f"{_CACHE}/java-db": java}
            return await self._reports(replace(step, data=data, cache=None), given, subject)
        try:
            return await self._reports(step, given, subject)
        except BuildError as fault:
            if _NO_JAVA_DATA in (fault.detail or ""):
                raise JavaDataNeeded from None
            raise

    async def scan_without_java(self, image: GivenImage, subject: str) -> ImageReports:
        """The reports without Java archives, where there is no data about them."""
        return await self._reports(self._image(*_JAVA_ARCHIVES), image.inputs, subject)

    async def scan_sbom(self, document: str, subject: str) -> bytes:
        """Trivy's JSON report on the packages of a CycloneDX document. Raises BuildError."""
        step = self._step("sbom", f"/in/{_DOCUMENT}", "--scanners", "vuln")
        return await _report(self._out(step, {_DOCUMENT: document}), subject)

    @property
    def layers(self) -> CacheFolder | None:
        """Where trivy keeps what it knows of layers, for each version of it."""
        if self.cache is None:
            return None
        name = hashlib.sha256(f"{self.tool}\n{self.cache}".encode()).hexdigest()[:_HASH_LENGTH]
        return CacheFolder(f"lockage-trivy-{name}", _LAYERS)

    def _image(self, *options: str) -> OfflineStep:
        scanners = "vuln,secret" if self.vulnerabilities else "secret"
        step = self._step("image", "--input", ARCHIVE, "--scanners", scanners, *_SECRETS, *options)
        history = _command("fs", f"/in/{_HISTORY}", "--scanners", "secret", report="history.json")
        return replace(step, commands=[*step.commands, history], cache=self.layers)

    def _step(self, *arguments: str) -> OfflineStep:
        data = {f"{_CACHE}/db": self.vulnerabilities} if self.vulnerabilities else {}
        environment = {"TRIVY_CACHE_DIR": _CACHE}
        return OfflineStep(self.tool, [_command(*arguments)], data=data, environment=environment)

    async def _reports(
        self, step: OfflineStep, inputs: Mapping[str, dagger.File | str], subject: str
    ) -> ImageReports:
        try:
            out = self._out(step, inputs)
            image = await _report(out, subject)
        except BuildError as fault:
            if step.cache is None or _CACHE_BROKEN not in (fault.detail or ""):
                raise
            out = self._out(replace(step, cache=None), inputs)
            image = await _report(out, subject)
        return ImageReports(image, await _report(out, subject, "history.json"))

    def _out(self, step: OfflineStep, inputs: Mapping[str, dagger.File | str]) -> dagger.Directory:
        return run_offline(self.client, step, inputs)


def _command(*arguments: str, report: str = _REPORT) -> list[str]:
    return [BINARY, *arguments, *_OFFLINE, *_QUIET, "--output", f"/out/{report}"]


async def _report(out: dagger.Directory, subject: str, name: str = _REPORT) -> bytes:
    return await read_output(out, name, f"scanning {subject}")
