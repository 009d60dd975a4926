"""A check of an image: a command in a container of its own, the image under test beside it as a service."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio

from pipeline.errors import BuildError
from pipeline.util.dataclass import dataclass

from .faults import explained, tail
from .service_log import ServiceLog

if TYPE_CHECKING:
    import dagger

HOST = "image"
"""The host name of the image under test."""
_FILES, _REPORTS = "/checks", "/reports"


@dataclass(frozen=True, slots=True)
class ServiceOrder:
    """How the image under test runs; `arguments` are None for its own command."""

    arguments: tuple[str, ...] | None
    environment: Mapping[str, str]
    ports: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CheckOrder:
    """What is run, with its limit in seconds; `files` are mounted at /checks, `report` is a file below /reports."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    timeout: int
    service: ServiceOrder | None = None
    files: dagger.Directory | None = None
    report: str | None = None


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """How a command ended: its exit code (None if it never started or never ended), last lines, and report; unless it
    succeeded, the last lines of the service beside it."""

    exit_code: int | None
    output: str
    report: bytes | None = None
    service_log: str = ""


async def run_check(
    client: dagger.Client,
    image: dagger.Container,
    order: CheckOrder,
    *,
    tester: dagger.Container | None = None,
    subject: str,
) -> CheckOutcome:
    """Run a check's command in `tester`, or in the image under test itself.

    A service that does not start and a command that does not end are outcomes. Raises EnvironmentProblem.
    """
    container = (tester or image).without_entrypoint().with_directory(_REPORTS, client.directory())
    log = None
    if order.service:
        with explained(f"checking {subject}"):
            log = await ServiceLog.of(client, image)
        container = container.with_service_binding(HOST, _service(image, order.service, log))
    if order.files is not None:
        container = container.with_mounted_directory(_FILES, order.files).with_workdir(_FILES)
    for name, value in order.environment.items():
        container = container.with_env_variable(name, value)
    # Or the engine would remember a failure that a slow start or the network caused.
    container = container.with_env_variable("LOCKAGE_CHECK", uuid.uuid4().hex)
    outcome = await _limited(container, order, subject)
    if log is None or outcome.exit_code == 0:
        return outcome
    return replace(outcome, service_log=await log.read())


async def _limited(container: dagger.Container, order: CheckOrder, subject: str) -> CheckOutcome:
    try:
        with anyio.fail_after(order.timeout):
            return await _outcome(container, order, subject)
    except TimeoutError:
        return CheckOutcome(None, f"no end after {order.timeout} s")
    except BuildError as fault:
        return CheckOutcome(None, "\n".join(filter(None, (fault.message, fault.detail))))


async def _outcome(container: dagger.Container, order: CheckOrder, subject: str) -> CheckOutcome:
    import dagger

    with explained(f"checking {subject}"):
        done = container.with_exec(list(order.command), expect=dagger.ReturnType.ANY)
        code = await done.exit_code()
        output = tail(f"{await done.stdout()}\n{await done.stderr()}".strip())
        report = None
        if order.report and order.report in await _files(done):
            report = (await done.file(f"{_REPORTS}/{order.report}").contents()).encode()
    return CheckOutcome(code, output, report)


async def _files(done: dagger.Container) -> list[str]:
    folder = done.directory(_REPORTS)
    return await folder.glob("**")


def _service(image: dagger.Container, order: ServiceOrder, log: ServiceLog | None) -> dagger.Service:
    image = log.keeping(image) if log else image
    for name, value in order.environment.items():
        image = image.with_env_variable(name, value)
    for port in order.ports:
        image = image.with_exposed_port(port)
    if order.arguments is None:
        return image.as_service(use_entrypoint=True)
    return image.as_service(args=list(order.arguments), use_entrypoint=True)
