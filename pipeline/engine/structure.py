"""Structure tests by container-structure-test itself, without Docker and without rights on the host.

Commands and files are tested inside the image under test (`--driver host`), metadata on its archive
(`--driver tar`); both reports are JSON and become one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.model import Reference

from .faults import explained, tail

if TYPE_CHECKING:
    import dagger

BINARY = "/container-structure-test"
_HERE = "/.structure-test"


async def inside(
    client: dagger.Client,
    tool: Reference,
    image: dagger.Container,
    tests: str,
    *,
    what: str,
    binary: str = BINARY,
) -> bytes:
    """Command and file tests, run in the image as its own user; the JSON report."""
    program = client.container().from_(str(tool)).file(binary)
    under_test = (
        image.without_entrypoint()
        .with_mounted_file(f"{_HERE}/container-structure-test", program)
        .with_mounted_file(
            f"{_HERE}/test.yml", client.directory().with_new_file("test.yml", tests).file("test.yml")
        )
    )
    command = [f"{_HERE}/container-structure-test", "test", "--driver", "host", "--force"]
    return await _report(under_test, [*command, "--config", f"{_HERE}/test.yml"], f"testing {what}")


async def metadata(
    client: dagger.Client,
    tool: Reference,
    archive: dagger.File,
    tests: str,
    *,
    what: str,
    binary: str = BINARY,
) -> bytes:
    """Metadata tests (user, entrypoint, labels, ports …) on the image's archive; the JSON report."""
    tester = (
        client.container()
        .from_(str(tool))
        .with_mounted_file("/in/image.tar", archive)
        .with_mounted_file(
            "/in/test.yml", client.directory().with_new_file("test.yml", tests).file("test.yml")
        )
        .with_mounted_temp("/tmp")
    )
    command = [binary, "test", "--driver", "tar", "--image", "/in/image.tar", "--config", "/in/test.yml"]
    return await _report(tester, command, f"testing the metadata of {what}")


async def _report(container: dagger.Container, command: list[str], doing: str) -> bytes:
    import dagger

    from pipeline.errors import BuildError

    with explained(doing):
        done = container.with_exec([*command, "--output", "json", "--quiet"], expect=dagger.ReturnType.ANY)
        report = await done.stdout()
        if not report.strip().startswith("{"):  # not a verdict: the tester itself failed
            raise BuildError(f"{doing}: no report", detail=tail(await done.stderr() or report))
    return report.encode()
