"""Checks: commands that test an image, usually while it runs as a service beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType
from typing import Self

from pipeline.model import Reference
from pipeline.util.dataclass import dataclass
from pipeline.util.json.values import (
    as_integer,
    as_list,
    as_object,
    as_optional_text,
    as_text,
    as_text_mapping,
    as_texts,
)

from .rootfs import RootfsEntry

_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class CheckService:
    """How the image under test runs; `arguments` are None for its own command. Ports are waited for."""

    arguments: tuple[str, ...] | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: _NONE, hash=False)
    ports: tuple[int, ...] = ()

    def to_json(self) -> dict[str, object]:
        """As data."""
        arguments = None if self.arguments is None else list(self.arguments)
        return {"arguments": arguments, "environment": dict(self.environment), "ports": list(self.ports)}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what `to_json` wrote. Raises ValueError and KeyError."""
        arguments = data["arguments"]
        return cls(
            None if arguments is None else as_texts(arguments),
            as_text_mapping(data["environment"]),
            tuple(map(as_integer, as_list(data["ports"]))),
        )


@dataclass(frozen=True, slots=True)
class ImageCheck:
    """One check of a target, complete.

    `image` is None where the command runs in the image under test; `entries` are the files of its folder; `timeout` is
    in seconds.
    """

    name: str
    command: tuple[str, ...]
    image: Reference | None = None
    service: CheckService | None = None
    entries: tuple[RootfsEntry, ...] = ()
    environment: Mapping[str, str] = field(default_factory=lambda: _NONE, hash=False)
    timeout: int = 60
    junit: str | None = None

    def to_json(self) -> dict[str, object]:
        """As data, without its files."""
        return {
            "name": self.name,
            "command": list(self.command),
            "image": None if self.image is None else str(self.image),
            "service": None if self.service is None else self.service.to_json(),
            "environment": dict(self.environment),
            "timeout": self.timeout,
            "junit": self.junit,
        }

    def with_files(self) -> dict[str, object]:
        """As data, with its files."""
        return self.to_json() | {"files": [entry.to_json() for entry in self.entries]}

    @classmethod
    def from_json(cls, data: Mapping[str, object], entries: tuple[RootfsEntry, ...]) -> Self:
        """Read what `to_json` wrote. Raises ValueError and KeyError."""
        image, service = as_optional_text(data["image"]), data["service"]
        return cls(
            as_text(data["name"]),
            as_texts(data["command"]),
            Reference.parse(image) if image else None,
            CheckService.from_json(as_object(service)) if service else None,
            entries,
            as_text_mapping(data["environment"]),
            as_integer(data["timeout"]),
            as_optional_text(data["junit"]),
        )
