"""Folders and options of the lab: one frozen value, read from the environment once by the front."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from types import MappingProxyType

from pipeline.errors import UsageError
from pipeline.util.child_environment import DEFAULT_PATH, ChildEnvironment, absolute_path, child_environment
from pipeline.util.dataclass import dataclass
from pipeline.util.private_folder import refuse_foreign

StepCallback = Callable[[str, str], None]
"""Progress callback: `report(step, detail)`. It is called often; the front decides how much to show."""

_LOOPBACK_REGISTRY = re.compile(r"(?:localhost|127\.0\.0\.1):([0-9]{1,5})\Z")
_INSTANCE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,23}\Z")


def quiet(step: str, detail: str) -> None:
    """A `StepCallback` that shows nothing."""


def report_waiting(step: str, report: StepCallback) -> Callable[[str], None]:
    """A callback for `locked`: reports who holds the lock."""
    return lambda holder: report(step, f"waiting for {holder}")


@dataclass(frozen=True, slots=True)
class LabSettings:
    """Folders and options of one instance (one engine and one registry, shared by all checkouts).

    `home` holds the data of all instances, `cache` what can be rebuilt. `engine` forces a backend ("docker", "lab" or
    the address of a running engine). `emulate` registers qemu for foreign platforms. `registries` are loopback ports
    of further registries that the lab's engine may reach, over plain HTTP. Child processes get what they need of
    `environ`.
    Raises `UsageError` for an invalid instance name.
    """

    home: Path
    cache: Path
    instance: str = "default"
    engine: str | None = None
    emulate: bool = False
    registries: tuple[int, ...] = ()
    environ: Mapping[str, str] = field(
        default_factory=lambda: MappingProxyType({}), repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if not _INSTANCE_NAME.match(self.instance):
            raise UsageError(
                f"invalid instance name {self.instance!r}",
                hint="use at most 24 lower-case letters, digits and hyphens in LOCKAGE_INSTANCE",
            )

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> LabSettings:
        """Settings from LOCKAGE_HOME, LOCKAGE_CACHE, LOCKAGE_INSTANCE, LOCKAGE_ENGINE, LOCKAGE_EMULATE and
        LOCKAGE_REGISTRIES (`localhost:PORT`, separated by commas). Raises UsageError.

        An engine named by Dagger's own _EXPERIMENTAL_DAGGER_RUNNER_HOST counts like one named by LOCKAGE_ENGINE,
        unless it belongs to an instance (`lockage env`). Folders default to the XDG base directories.
        Empty variables count as unset. Raises EnvironmentProblem for folders that others can write to.
        """
        # Not platformdirs: it reads the environment of the process, not the one passed in.
        user_home = Path(environ.get("HOME") or "/")
        data_home = Path(environ.get("XDG_DATA_HOME") or user_home / ".local" / "share")
        cache_home = Path(environ.get("XDG_CACHE_HOME") or user_home / ".cache")
        settings = cls(
            home=Path(environ.get("LOCKAGE_HOME") or data_home / "lockage").absolute(),
            cache=Path(environ.get("LOCKAGE_CACHE") or cache_home / "lockage").absolute(),
            instance=environ.get("LOCKAGE_INSTANCE") or "default",
            engine=environ.get("LOCKAGE_ENGINE") or _runner_host(environ),
            emulate=(environ.get("LOCKAGE_EMULATE") or "0") not in ("0", "no", "false"),
            registries=_loopback_ports(environ.get("LOCKAGE_REGISTRIES") or ""),
            environ=MappingProxyType(dict(environ)),
        )
        for folder in (settings.home, settings.data, settings.cache):
            refuse_foreign(folder)
        return settings

    @property
    def data(self) -> Path:
        """The folder of this instance: registry content, engine state, records and logs."""
        return self.home / self.instance

    @property
    def path(self) -> str:
        """PATH for finding programs, with root's folders, which `su` often leaves out."""
        inherited = self.environ.get("PATH", DEFAULT_PATH)
        return absolute_path(inherited + ":/usr/local/go/bin:/usr/local/sbin:/usr/sbin:/sbin")

    def child_environ(self, program: str, extra: Mapping[str, str] | None = None) -> ChildEnvironment:
        """The environment of a child process: its part of `environ`, the extended `path`, and `extra`."""
        return child_environment(program, {**self.environ, "PATH": self.path}, extra)


def _runner_host(environ: Mapping[str, str]) -> str | None:
    address = environ.get("_EXPERIMENTAL_DAGGER_RUNNER_HOST") or ""
    is_instance = address.endswith("/run/engine.sock") or address.startswith("docker-container://lockage-")
    return None if is_instance or not address else address


def _loopback_ports(text: str) -> tuple[int, ...]:
    matches = [_LOOPBACK_REGISTRY.match(part.strip()) for part in text.split(",") if part.strip()]
    ports = [int(match[1]) for match in matches if match]
    if len(ports) != len(matches) or not all(0 < port < 65536 for port in ports):
        raise UsageError(
            f"LOCKAGE_REGISTRIES={text[:80]!r} may only name registries on this machine's loopback",
            hint="write localhost:5000, several separated by commas; other registries need no entry",
        )
    return tuple(sorted(set(ports)))
