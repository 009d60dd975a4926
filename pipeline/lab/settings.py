"""Where the lab keeps things and how it was told to behave: one frozen value, made once by the front."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import UsageError

Report = Callable[[str, str], None]
"""Progress callback: `report(step, detail)`, called often; whoever shows it decides how much."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,23}\Z")


def quiet(step: str, detail: str) -> None:
    """A `Report` that shows nothing."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Folders and choices of one instance (one engine and one registry, shared by all checkouts).

    `home` holds the data of all instances and `cache` what can be made again; `engine` forces a way
    ("docker", "lab" or the URL of a running engine); `emulate` asks for foreign platforms by qemu;
    `environ` is what child processes inherit. Raises `UsageError` for an impossible instance name.
    """

    home: Path
    cache: Path
    instance: str = "default"
    engine: str | None = None
    emulate: bool = False
    environ: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not _NAME.match(self.instance):
            raise UsageError(
                f"instance name {self.instance!r} is not usable",
                hint="use at most 24 lower-case letters, digits and hyphens in LOCKAGE_INSTANCE",
            )

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Settings from LOCKAGE_HOME, LOCKAGE_CACHE, LOCKAGE_INSTANCE, LOCKAGE_ENGINE and LOCKAGE_EMULATE.

        Folders default to the XDG base directories. Empty variables count as unset.
        """
        user = Path(environ.get("HOME") or "/")
        data = Path(environ.get("XDG_DATA_HOME") or user / ".local" / "share")
        cache = Path(environ.get("XDG_CACHE_HOME") or user / ".cache")
        return cls(
            home=Path(environ.get("LOCKAGE_HOME") or data / "lockage").absolute(),
            cache=Path(environ.get("LOCKAGE_CACHE") or cache / "lockage").absolute(),
            instance=environ.get("LOCKAGE_INSTANCE") or "default",
            engine=environ.get("LOCKAGE_ENGINE") or None,
            emulate=(environ.get("LOCKAGE_EMULATE") or "0") not in ("0", "no", "false"),
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
