"""Runs `buildctl build` in a container of the engine: from an order to a digest in the registry."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import anyio

from pipeline.errors import BuildError, EnvironmentProblem, LockageError, RegistryError
from pipeline.model import Digest
from pipeline.model.build_warning import BuildWarning
from pipeline.util.dataclass import dataclass

from ..faults import DISK_FULL, explained, full, lost, tail
from . import daemon as service
from .causes import fetched, not_granted
from .order import CONTEXT, CONTEXTS, RESULT, SECRETS, SSH, BuildOrder, arguments
from .report import CACHE, BuildReport, Failure, current, read_report, read_result

if TYPE_CHECKING:
    import dagger

    from .daemon import Daemon

_DIGEST = "containerimage.digest"
_STEP_FAILED = '" did not complete successfully'
_SIGNALLED = 128  # plus the signal's number: the exit code of a program that a signal ended
_PARSING = "dockerfile parse error"
_CANNOT_FETCH = "check the address, and that the engine can reach it (docs/engine.md)"
_EXPORTER = "cache exporter"
_NOT_STARTED = "lockage doctor; tools: buildkit in lockage.yml names its image (docs/engine.md)"
_NO_ANSWER = "lockage status; free some space if the disk of the engine is full; then run again"
_NOT_BY_CACHES = (_STEP_FAILED, _PARSING)  # a failed push may be: it fetches layers from caches
_REGISTRY_FAULTS = (
    "failed to push",
    "failed to copy",
    "failed to do request",
    "pull access denied",
    "failed to resolve source",
)


@dataclass(frozen=True, slots=True)
class Built:
    """What a build pushed (a manifest, or with attestations an index), and its report.

    `cache_folders` are the order's as the build left them.
    """

    digest: Digest
    report: BuildReport
    cache_folders: Mapping[str, dagger.Directory] = field(default_factory=lambda: MappingProxyType({}))


def _ignore(step: str) -> None:
    """Ignore progress."""


async def build(
    daemon: Daemon,
    order: BuildOrder,
    credentials: str = "",
    tell: Callable[[str], None] = _ignore,
) -> Built:
    """Build and push one target on a daemon, which starts beside its client if it was not started. `credentials` is a
    Docker configuration for its registries; `tell` is called from time to time with the current step of a long build.

    Raises BuildError with the step's last lines and its position in the Dockerfile; RegistryError, EnvironmentProblem.
    """
    outcome: list[Built | LockageError] = []
    name, started = uuid.uuid4().hex, anyio.Event()

    async def work() -> None:
        try:
            outcome.append(await _build(daemon, order, credentials, name))
        except LockageError as fault:
            await started.wait()  # without a daemon, that is the fault
            outcome.append(fault)
        group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        group.start_soon(work)
        group.start_soon(_tell, daemon, name, tell)
        try:
            await daemon.start()
        except LockageError as fault:
            outcome.append(fault)
        else:
            started.set()
            await daemon.wait_until_hung()
        group.cancel_scope.cancel()
    if not outcome:
        raise EnvironmentProblem(
            f"building {order.target}: BuildKit no longer answers",
            hint=_NO_ANSWER,
        )
    if isinstance(outcome[0], LockageError):
        raise outcome[0]
    return outcome[0]


async def _build(daemon: Daemon, order: BuildOrder, credentials: str, name: str) -> Built:
    """The build; once more without its caches if they may have failed it: content that a cache names can be gone."""
    try:
        return await _once(daemon, order, credentials, name)
    except LockageError as fault:
        uncached = _without_caches(order, fault)
        if uncached is None:
            raise
        built = await _once(daemon, uncached, credentials, name)
        reason = fault.message.removeprefix(f"building {order.target}: ")
        warning = BuildWarning(0, f"built without its caches: {reason}", CACHE)
        return replace(built, report=replace(built.report, warnings=(*built.report.warnings, warning)))


def _without_caches(order: BuildOrder, fault: LockageError) -> BuildOrder | None:
    """The order without the caches that may have failed it; None if none can have. Writing a cache repairs it."""
    caches = order.cache_from or order.cache_to
    if (
        not caches
        or fault.hint in (DISK_FULL, _NO_ANSWER)
        or any(text in fault.message for text in _NOT_BY_CACHES)
    ):
        return None
    return replace(order, cache_from=(), cache_to=() if _EXPORTER in fault.message else order.cache_to)


async def _once(daemon: Daemon, order: BuildOrder, credentials: str, name: str) -> Built:
    import dagger

    # The engine would recall an earlier push by the same command, but the trace is new each time.
    command = daemon.client_command("build", "--trace", daemon.trace(name), *arguments(order))
    with explained(f"building {order.target}", hint=order.hint):
        client = _with_inputs(await daemon.client_tool(credentials), order)
        # It needs no init process: its shell is process 1, and what that starts ends with it.
        done = client.with_exec(command, stdin=order.dockerfile, no_init=True)
        try:
            result = await done.file(RESULT).contents()
        except dagger.ExecError as fault:
            raise _unfinished(order, fault) from None
        code, metadata, progress = read_result(result)
        if code == service.ENDED:
            raise EnvironmentProblem(
                f"building {order.target}: BuildKit ended when it was started",
                hint=_NOT_STARTED,
                detail=tail(progress) or None,
            )
        if code == service.NEVER_ANSWERED:
            raise EnvironmentProblem(
                f"building {order.target}: BuildKit does not answer {service.START_LIMIT:.0f} s after it was started",
                hint="lockage status; the engine's log says why its service ended",
            )
        if code > _SIGNALLED:
            raise _killed(order, code)
        report = read_report(progress, failed=code != 0)
        if report.failure:
            raise _fault(order, report.failure)
    return Built(
        Digest(metadata[_DIGEST]), report, {path: done.directory(path) for path in order.cache_folders}
    )


def _with_inputs(tool: dagger.Container, order: BuildOrder) -> dagger.Container:
    # What is mounted to be written is kept afterwards, as a snapshot for each directory.
    out = tool.with_mounted_directory(CONTEXT, order.context, read_only=True)
    for number, folder in enumerate(order.folders.values()):
        out = out.with_mounted_directory(f"{CONTEXTS}/{number}", folder, read_only=True)
    for id, secret in order.secrets.items():
        out = out.with_mounted_secret(f"{SECRETS}/{id}", secret)
    for id, agent in order.ssh_agents.items():
        out = out.with_unix_socket(f"{SSH}/{id}", agent)
    for id, key in order.ssh_keys.items():
        out = out.with_mounted_secret(f"{SSH}/{id}", key)
    for path, folder in order.cache_folders.items():
        out = out.with_mounted_directory(path, folder)
    for name, secret in order.cache_variables.items():
        out = out.with_secret_variable(name, secret)
    return out


async def _tell(daemon: Daemon, name: str, tell: Callable[[str], None]) -> None:
    before = ""
    while True:
        await anyio.sleep(service.PROGRESS_INTERVAL)
        try:
            step = current((await daemon.progress()).get(name, ""))
        except LockageError:  # the build itself reports it
            return
        if step and step != before:
            tell(step)
            before = step


def _unfinished(order: BuildOrder, fault: dagger.ExecError) -> LockageError:
    """Why buildctl has no exit code of its own: a signal ended it, or the engine failed its container."""
    if fault.exit_code > _SIGNALLED:
        return _killed(order, fault.exit_code)
    failure = read_report(fault.stderr, failed=True).failure or Failure("")
    output = f"{failure.output}\n{tail(str(fault))}".strip()
    if not failure.message:  # the shell that runs buildctl fails only where it cannot write
        message = f"building {order.target}: what BuildKit reported could not be written"
        return EnvironmentProblem(message, hint=_NO_ANSWER, detail=output)
    return _fault(order, replace(failure, output=output))


def _killed(order: BuildOrder, code: int) -> EnvironmentProblem:
    return EnvironmentProblem(
        f"building {order.target}: buildctl was ended by signal {code - _SIGNALLED}",
        hint="did the engine's machine run out of memory? Run again: finished work is kept",
    )


def _fault(order: BuildOrder, failure: Failure) -> LockageError:
    message = f"building {order.target}: {failure.message or 'BuildKit gave no reason'}"
    detail = failure.output or None
    # A client without a message could not write it: its disk is the same.
    if full(f"{failure.message}\n{failure.output}") or not failure.message:
        return EnvironmentProblem(message, hint=DISK_FULL, detail=detail)
    cause = failure.message.rpartition(_STEP_FAILED)[2]  # after the command, which may contain any text
    address = fetched(order, cause)
    if address is not None:
        hint = _CANNOT_FETCH if lost(cause) else order.hint
        return BuildError(message, hint=hint, detail=detail, lines=failure.lines or address.lines)
    if lost(cause) and not failure.message.startswith(_PARSING):
        return EnvironmentProblem(
            f"building {order.target}: BuildKit or a registry it needs went away",
            hint="lockage status; then run again: finished work is kept",
            detail=tail(failure.message),
        )
    if not failure.lines and any(text in cause for text in _REGISTRY_FAULTS):
        return RegistryError(
            message, hint="lockage status; check the registry and its credentials", detail=detail
        )
    if failure.lines:  # of the template, where the message has those of what was generated
        message = message.replace(f"{_PARSING} on line {failure.lines[0]}: ", "", 1)
    return BuildError(message, hint=not_granted(cause) or order.hint, detail=detail, lines=failure.lines)
