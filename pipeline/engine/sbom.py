"""The bill of materials of an image: syft, three formats in one pass, without a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.model import Reference
from pipeline.util.dataclass import dataclass

from .offline import OfflineStep, read_output, run_offline

if TYPE_CHECKING:
    import dagger

# Format -> syft's format and the file; CycloneDX 1.6 because grype reads no later one.
DOCUMENTS = {
    "cyclonedx-json": ("cyclonedx-json@1.6", "sbom.cyclonedx.json"),
    "spdx-json": ("spdx-json@2.3", "sbom.spdx.json"),
    "syft-json": ("syft-json", "sbom.syft.json"),
}
# Syft works in one thread nearly all the time; with more, Go's garbage collector takes a fifth more of the processors.
# GOGC, per cent of growth between collections of garbage: by twice the default a Debian takes an eighth less.
_ENVIRONMENT = {
    "SYFT_CHECK_FOR_APP_UPDATE": "false",
    "SYFT_QUIET": "true",
    "GOMAXPROCS": "1",
    "GOGC": "200",
}


@dataclass(frozen=True, slots=True)
class SyftListing:
    """Syft on one engine; steps that list the same archive by the same name are one."""

    client: dagger.Client
    tool: Reference
    name: str
    version: str

    def documents(self, archive: dagger.File) -> dagger.Directory:
        """The files of `DOCUMENTS`. Lazy: nothing runs before one of them is requested."""
        source = ("--source-name", self.name, "--source-version", self.version)
        command = ["/syft", "scan", "docker-archive:/in/image.tar", *source]
        for option, file in DOCUMENTS.values():
            command += ["-o", f"{option}=/out/{file}"]
        step = OfflineStep(self.tool, [command], environment=_ENVIRONMENT)
        return run_offline(self.client, step, {"image.tar": archive})


async def sbom(
    client: dagger.Client, tool: Reference, archive: dagger.File, *, name: str, version: str
) -> dict[str, bytes]:
    """The documents by format (`cyclonedx-json`, `spdx-json`, `syft-json`); raises BuildError."""
    out = SyftListing(client, tool, name, version).documents(archive)
    doing = f"listing the packages of {name}:{version}"
    return {kind: await read_output(out, file, doing) for kind, (_, file) in DOCUMENTS.items()}
