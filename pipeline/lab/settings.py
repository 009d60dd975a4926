"""Where the lab keeps things and how it was told to behave: one frozen value, made once by the front."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import UsageError

Report = Callable[[str, str], None]
"""Progress callback: `report(step, detail)`, called often; whoever shows it decides how much."""

_REGISTRY = re.compile(r"(?:localhost|127\.0\.0\.1):([0-9]{1,5})\Z")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,23}\Z")


def quiet(step: str, detail: str) -> None:
    """A `Report` that shows nothing."""


@dataclass(frozen=True, slots=True)
class LabSettings:
    """Folders and choices of one instance (one engine and one registry, shared by all checkouts).

    `home` holds the data of all instances and `cache` what can be made again; `engine` forces a way
    ("docker", "lab" or the URL of a running engine); `emulate` asks for foreign platforms by qemu; `registries`
    are ports of this machine's loopback where others listen whom the lab's engine may reach, over plain HTTP;
    `environ` is what child processes inherit. Raises `UsageError` for an impossible instance name.
    """

    home: Path
    cache: Path
    instance: str = "default"
    engine: str | None = None
    emulate: bool = False
    registries: tuple[int, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not _NAME.match(self.instance):
            raise UsageError(
                f"instance name {self.instance!r} is not usable",
                hint="use at most 24 lower-case letters, digits and hyphens in LOCKAGE_INSTANCE",
            )

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> LabSettings:
        """Settings from LOCKAGE_HOME, LOCKAGE_CACHE, LOCKAGE_INSTANCE, LOCKAGE_ENGINE, LOCKAGE_EMULATE and
        LOCKAGE_REGISTRIES (`localhost:PORT`, with commas). Raises UsageError.

        An engine that Dagger's own _EXPERIMENTAL_DAGGER_RUNNER_HOST names is used like one that LOCKAGE_ENGINE
        names, unless it is an instance's own (`lockage env`). Folders default to the XDG base directories.
        Empty variables count as unset.
        """
        # Not platformdirs: it reads the process's own environment, and this function that which it is given.
        user = Path(environ.get("HOME") or "/")
        data = Path(environ.get("XDG_DATA_HOME") or user / ".local" / "share")
        cache = Path(environ.get("XDG_CACHE_HOME") or user / ".cache")
        return cls(
            home=Path(environ.get("LOCKAGE_HOME") or data / "lockage").absolute(),
            cache=Path(environ.get("LOCKAGE_CACHE") or cache / "lockage").absolute(),
            instance=environ.get("LOCKAGE_INSTANCE") or "default",
            engine=environ.get("LOCKAGE_ENGINE") or _daggers(environ),
            emulate=(environ.get("LOCKAGE_EMULATE") or "0") not in ("0", "no", "false"),
            registries=_ports(environ.get("LOCKAGE_REGISTRIES") or ""),
            environ=dict(environ),
        )

    @property
    def data(self) -> Path:
        """The folder of this instance: registry content, engine state, records and logs."""
        return self.home / self.instance

    @property
    def path(self) -> str:
        """PATH for finding programs; root's folders are added because `su` often leaves them out."""
        given = self.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin")
        return given + ":/usr/local/go/bin:/usr/local/sbin:/usr/sbin:/sbin"


def _daggers(environ: Mapping[str, str]) -> str | None:
    address = environ.get("_EXPERIMENTAL_DAGGER_RUNNER_HOST") or ""
    own = address.endswith("/run/engine.sock") or address.startswith("docker-container://lockage-")
    return None if own or not address else address


def _ports(text: str) -> tuple[int, ...]:
    found = [_REGISTRY.match(part.strip()) for part in text.split(",") if part.strip()]
    ports = [int(match[1]) for match in found if match]
    if len(ports) != len(found) or not all(0 < port < 65536 for port in ports):
        raise UsageError(
            f"LOCKAGE_REGISTRIES={text[:80]!r} names something else than registries of this machine's loopback",
            hint="localhost:5000, several with commas; every other registry is reached as it is",
        )
    return tuple(sorted(set(ports)))
