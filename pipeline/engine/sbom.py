"""The bill of materials of an image: syft, three formats in one pass, without a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.model import Reference

from .offline import OfflineStep, read_output, run_offline

if TYPE_CHECKING:
    import dagger

# Format -> syft's format and the file; CycloneDX 1.6 because grype reads no later one.
DOCUMENTS = {
    "cyclonedx-json": ("cyclonedx-json@1.6", "sbom.cyclonedx.json"),
    "spdx-json": ("spdx-json@2.3", "sbom.spdx.json"),
    "syft-json": ("syft-json", "sbom.syft.json"),
}


async def sbom(
    client: dagger.Client,
    tool: Reference,
    archive: dagger.File,
    *,
    name: str,
    version: str,
    binary: str = "/syft",
) -> dict[str, bytes]:
    """The documents by format (`cyclonedx-json`, `spdx-json`, `syft-json`); raises BuildError."""
    command = [
        binary,
        "scan",
        "docker-archive:/in/image.tar",
        "--source-name",
        name,
        "--source-version",
        version,
    ]
    for option, file in DOCUMENTS.values():
        command += ["-o", f"{option}=/out/{file}"]
    inputs = client.directory().with_file("image.tar", archive)
    environment = {"SYFT_CHECK_FOR_APP_UPDATE": "false", "SYFT_QUIET": "true"}
    out = run_offline(client, OfflineStep(tool, [command], environment=environment), inputs)
    doing = f"listing the packages of {name}:{version}"
    return {kind: await read_output(out, file, doing) for kind, (_, file) in DOCUMENTS.items()}
