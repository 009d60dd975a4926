"""One tag of one image in one variant: the merged values of its levels, with their positions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Protocol

from pipeline.errors import Problem
from pipeline.model import Platform, Reference
from pipeline.util.dataclass import dataclass
from pipeline.util.suggest import dotted

if TYPE_CHECKING:
    from pipeline.config import CheckEntry, GatePolicy, Strategy
    from pipeline.config.yaml import KeyPath, Positions


class PlacedText(Protocol):
    """A YAML text, by its path, and where its keys are."""

    @property
    def path(self) -> str:
        """Its path below the root."""

    def positions(self) -> Positions:
        """The places of its keys and values."""


@dataclass(frozen=True, slots=True)
class Position:
    """A key in a document. Line and column are resolved on demand."""

    document: PlacedText
    path: KeyPath

    def below(self, *steps: str | int) -> Position:
        """The position of a key below this one."""
        return Position(self.document, (*self.path, *steps))

    def problem(
        self, message: str, suggestion: str | None = None, *, subject: str = "", base: str = ""
    ) -> Problem:
        """A problem at this position."""
        line, column = self.document.positions().of(self.path)
        key = dotted(self.path)
        return Problem(self.document.path, line, column, key, message, suggestion, subject, base)


@dataclass(frozen=True, slots=True)
class Explicit:
    """A template that a level names."""

    name: str
    position: Position


@dataclass(frozen=True, slots=True)
class Placed:
    """A build argument or a context, with the position that sets it."""

    value: str
    position: Position


@dataclass(frozen=True, slots=True)
class Mention:
    """The id of a secret or an ssh entry that a level names."""

    name: str
    position: Position


@dataclass(frozen=True, slots=True)
class PlacedCheck:
    """A check, with the position that sets it."""

    entry: CheckEntry
    position: Position


@dataclass(frozen=True, slots=True)
class Definition:
    """One tag of one image, in one variant, with the merged values of its levels."""

    image: str
    tag: str
    base_tag: str
    variant: str | None
    suffix: str
    versions: Mapping[str, str]
    variables: Mapping[str, object]
    labels: Mapping[str, str]
    rootfs_user: str
    rootfs_copy: bool
    template: Explicit | None
    inherited_template: Explicit | None
    test_template: Explicit | None
    inherited_test_template: Explicit | None
    folders: tuple[str, ...]  # least specific first
    aliases: tuple[str, ...]  # listed by the tag, with the suffix
    automatic: bool
    strategy: Strategy
    platforms: tuple[Platform, ...] | None
    gates: GatePolicy | None
    title: str | None
    description: str | None
    position: Position
    external: Reference | None = None  # built elsewhere, used by digest
    arguments: Mapping[str, Placed] = field(default_factory=dict)
    contexts: Mapping[str, Placed] = field(default_factory=dict)
    secrets: tuple[Mention, ...] = ()  # of all levels
    ssh: tuple[Mention, ...] = ()
    checks: Mapping[str, PlacedCheck] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """As in FROM: `python:3.11.2-dev`."""
        return f"{self.image}:{self.tag}"
