"""One tag of one image in one variant, with everything its levels say, and where they say it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.config import GatePolicy, Strategy
from pipeline.config.yaml import Document, KeyPath
from pipeline.errors import Problem
from pipeline.model import Platform, Reference
from pipeline.util.suggest import dotted


@dataclass(frozen=True, slots=True)
class Position:
    """Where something was said: a document and a key in it. The position is looked up when it is needed."""

    document: Document
    path: KeyPath

    def problem(self, message: str, suggestion: str | None = None, *, key: str | None = None) -> Problem:
        """A problem at this place."""
        line, column = self.document.positions().of(self.path)
        return Problem(self.document.path, line, column, key or dotted(self.path), message, suggestion)


@dataclass(frozen=True, slots=True)
class Explicit:
    """A template that a level names itself."""

    name: str
    place: Position


@dataclass(frozen=True, slots=True)
class Placed:
    """A value by name (a build argument, a context), and the level that says it last."""

    value: str
    place: Position


@dataclass(frozen=True, slots=True)
class Mention:
    """The id of a secret or an ssh entry that a level names."""

    name: str
    place: Position


@dataclass(frozen=True, slots=True)
class Definition:
    """One tag of one image, in one variant: everything the levels say about it."""

    image: str
    tag: str
    base_tag: str
    variant: str | None
    suffix: str
    versions: Mapping[str, str]
    variables: Mapping[str, Any]
    labels: Mapping[str, str]
    rootfs_user: str
    rootfs_copy: bool
    template: Explicit | None
    inherited_template: Explicit | None
    test_template: Explicit | None
    inherited_test_template: Explicit | None
    folders: tuple[str, ...]  # least specific first
    aliases: tuple[str, ...]  # those that the tag lists, with the suffix
    automatic: bool
    strategy: Strategy
    platforms: tuple[Platform, ...] | None
    gates: GatePolicy | None
    title: str | None
    description: str | None
    place: Position
    external: Reference | None = None  # built elsewhere and taken over as it is
    arguments: Mapping[str, Placed] = field(default_factory=dict)
    contexts: Mapping[str, Placed] = field(default_factory=dict)
    secrets: tuple[Mention, ...] = ()  # of all levels
    ssh: tuple[Mention, ...] = ()

    @property
    def name(self) -> str:
        """As FROM writes it: `python:3.11.2-dev`."""
        return f"{self.image}:{self.tag}"
