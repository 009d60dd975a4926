"""Structure tests by container-structure-test, without Docker and without rights on the host.

Commands and files are tested inside the image under test (`--driver host`), metadata on its archive (`--driver tar`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.errors import BuildError
from pipeline.model import Reference

from .faults import explained, tail

if TYPE_CHECKING:
    import dagger

BINARY = "/container-structure-test"
_FOLDER = "/.structure-test"


async def inside(
    client: dagger.Client, tool: Reference, image: dagger.Container, tests: str, config: str, *, subject: str
) -> bytes:
    """Command and file tests, run in the image as its own user; the JSON report.

    `config` is the image's configuration (OCI image-spec v1.1, config.md), which the tester requires.
    """
    program = client.container().from_(str(tool)).file(BINARY)
    files = client.directory().with_new_file("test.yml", tests).with_new_file("config.json", config)
    under_test = (
        image.without_entrypoint()
        .with_mounted_file(f"{_FOLDER}/container-structure-test", program)
        .with_mounted_directory(f"{_FOLDER}/given", files)
    )
    command = [f"{_FOLDER}/container-structure-test", "test", "--driver", "host", "--force"]
    command += ["--metadata", f"{_FOLDER}/given/config.json", "--config", f"{_FOLDER}/given/test.yml"]
    return await _report(under_test, command, f"testing {subject}")


async def metadata(
    client: dagger.Client, tool: Reference, archive: dagger.File, tests: str, *, subject: str
) -> bytes:
    """Metadata tests (user, entrypoint, labels, ports …) on the image's archive; the JSON report."""
    files = client.directory().with_new_file("test.yml", tests).with_file("image.tar", archive)
    tester = (
        client.container().from_(str(tool)).with_mounted_directory("/in", files).with_mounted_temp("/tmp")
    )
    command = [BINARY, "test", "--driver", "tar", "--image", "/in/image.tar", "--config", "/in/test.yml"]
    return await _report(tester, command, f"testing the metadata of {subject}")


async def _report(container: dagger.Container, command: list[str], doing: str) -> bytes:
    import dagger

    with explained(doing):
        done = container.with_exec([*command, "--output", "json"], expect=dagger.ReturnType.ANY)
        output = await done.stdout()
        report = output[output.find("{") :].strip()  # the host driver may print warnings first
        if not report.endswith("}"):  # the tester itself failed
            raise BuildError(f"{doing}: no report", detail=tail(f"{output}\n{await done.stderr()}"))
    return report.encode()
