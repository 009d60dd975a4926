"""Structure tests by container-structure-test, without Docker and without rights on the host (`--driver host`).

The tester takes the container that it runs in for the image, and metadata from the image's configuration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.errors import BuildError
from pipeline.model import Reference
from pipeline.util.dataclass import dataclass

from .faults import explained, tail

if TYPE_CHECKING:
    import dagger

BINARY = "/container-structure-test"
_FOLDER = "/.structure-test"


@dataclass(frozen=True, slots=True)
class Tester:
    """The tester's image on one engine."""

    client: dagger.Client
    image: Reference

    async def run(self, tests: str, config: str, *, inside: dagger.Container | None, subject: str) -> bytes:
        """The JSON report of a test file on the image with this configuration (OCI image-spec v1.1, config.md).

        Commands and files are tested in the container `inside`, as the image's own user; None where the file only tests
        metadata. Raises BuildError where the tester itself fails.
        """
        tester = self.client.container().from_(str(self.image))
        files = self.client.directory().with_new_file("test.yml", tests).with_new_file("config.json", config)
        container = (inside or tester).without_entrypoint()
        container = container.with_mounted_file(f"{_FOLDER}/container-structure-test", tester.file(BINARY))
        container = container.with_mounted_directory(f"{_FOLDER}/given", files)
        if inside is None:
            container = container.with_mounted_temp("/tmp")
        command = [f"{_FOLDER}/container-structure-test", "test", "--driver", "host", "--force"]
        command += ["--metadata", f"{_FOLDER}/given/config.json", "--config", f"{_FOLDER}/given/test.yml"]
        return await _report(container, command, f"testing {subject}")


async def _report(container: dagger.Container, command: list[str], doing: str) -> bytes:
    import dagger

    with explained(doing):
        done = container.with_exec([*command, "--output", "json"], expect=dagger.ReturnType.ANY)
        output = await done.stdout()
        report = output[output.find("{") :].strip()  # the host driver may print warnings first
        if not report.endswith("}"):  # the tester itself failed
            raise BuildError(f"{doing}: no report", detail=tail(f"{output}\n{await done.stderr()}"))
    return report.encode()
