"""Targets as rows of JSON, and back. Texts, trees and gates that targets share are in tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any, Generic, Literal, NotRequired, TypedDict, TypeVar

from pipeline.catalogue.image_check import ImageCheck
from pipeline.catalogue.named_contexts import NamedContext
from pipeline.catalogue.rootfs import RootfsEntry
from pipeline.config import Entitlement
from pipeline.model import Gates, Platform, Reference

from ..plan import Base, Target

T = TypeVar("T")

Tree = tuple[RootfsEntry, ...]
# path, kind, mode, sha256, target, size, origin
EntryRow = tuple[str, Literal["file", "link", "dir"], int, str | None, str | None, int, str]
# kind, name, line, target, reference, platform
_BaseRow = tuple[Literal["internal", "external"], str, int, str | None, str | None, str | None]
# name, kind, source, reference, target, index of its tree
_ContextRow = tuple[str, Literal["image", "url", "folder"], str, str | None, str | None, int]


class _Rare(TypedDict):
    """Fields that few targets have."""

    syntax: NotRequired[str]
    arguments: NotRequired[dict[str, str]]
    contexts: NotRequired[list[_ContextRow]]
    checks: NotRequired[list[tuple[dict[str, object], int]]]
    secrets: NotRequired[list[str]]
    ssh: NotRequired[list[str]]
    entitlements: NotRequired[list[Entitlement]]


# The fields of a target in the order of `RowWriter.target`; texts, trees and gates by index.
TargetRow = tuple[
    *tuple[str, str, str, str, str | None, str, list[str]],
    *tuple[list[_BaseRow], int, int | None, int, int],
    *tuple[dict[str, str], str | None, list[str], str | None, str | None, str | None, str | None],
    *tuple[str | None, _Rare],
]


class _Table(Generic[T]):
    """Values that many targets share, each stored once; a known object is not compared again."""

    def __init__(self, to_json: Callable[[T], object]) -> None:
        self._to_json = to_json
        self._seen: dict[int, tuple[T, int]] = {}  # keeps the objects alive, so that no id is reused
        self._numbers: dict[str, int] = {}

    def number(self, value: T) -> int:
        """The value's index in the table."""
        if id(value) not in self._seen:
            text = json.dumps(self._to_json(value))
            self._seen[id(value)] = value, self._numbers.setdefault(text, len(self._numbers))
        return self._seen[id(value)][1]

    def values(self) -> list[Any]:
        """The table as data."""
        return [json.loads(text) for text in self._numbers]


class RowWriter:
    """Encodes targets as rows; collects the texts, trees and gates that they share."""

    def __init__(self) -> None:
        self._texts: dict[str, int] = {}
        self.trees = _Table[Tree](_entry_rows)
        self.gates = _Table[Gates](Gates.to_json)

    def target(self, target: Target) -> TargetRow:
        return (
            target.id,
            target.image,
            target.tag,
            target.base_tag,
            target.variant,
            str(target.platform),
            list(target.tags),
            [_base_row(base) for base in target.bases],
            self._text(target.dockerfile),
            None if target.test is None else self._text(target.test),
            self.trees.number(target.rootfs),
            self.gates.number(target.gates),
            dict(target.labels),
            target.key,
            list(target.warnings),
            target.template,
            target.test_template,
            target.title,
            target.description,
            _str(target.external),
            self._rare(target),
        )

    @property
    def texts(self) -> list[str]:
        """All Dockerfiles and tests."""
        return list(self._texts)

    def _text(self, text: str) -> int:
        return self._texts.setdefault(text, len(self._texts))

    def _rare(self, target: Target) -> _Rare:
        rare: _Rare = {}
        if target.syntax:
            rare["syntax"] = str(target.syntax)
        if target.arguments:
            rare["arguments"] = dict(target.arguments)
        if target.contexts:
            rare["contexts"] = [self._context(context) for context in target.contexts]
        if target.secrets:
            rare["secrets"] = list(target.secrets)
        if target.ssh:
            rare["ssh"] = list(target.ssh)
        if target.entitlements:
            rare["entitlements"] = list(target.entitlements)
        if target.checks:
            rare["checks"] = [(c.to_json(), self.trees.number(c.entries)) for c in target.checks]
        return rare

    def _context(self, c: NamedContext) -> _ContextRow:
        return c.name, c.kind, c.source, _str(c.reference), c.target_id, self.trees.number(c.entries)


class RowReader:
    """Decodes targets from rows."""

    def __init__(
        self, texts: Sequence[str], trees: Sequence[Sequence[EntryRow]], gates: Sequence[Gates]
    ) -> None:
        self._texts, self._gates = texts, gates
        self._trees: list[Tree] = [tuple(RootfsEntry(*row) for row in tree) for tree in trees]
        self._platforms: dict[str, Platform] = {}

    def target(self, row: TargetRow) -> Target:
        identity, image, tag, base_tag, variant, platform, tags, bases, dockerfile, test, *_ = row
        tree, gates, labels, key, warnings, template, test_template, *_ = row[10:]
        title, description, external, rare = row[17:]
        return Target(
            id=identity,
            image=image,
            tag=tag,
            base_tag=base_tag,
            variant=variant,
            platform=self._platform(platform),
            tags=tuple(tags),
            bases=tuple(self._base(base) for base in bases),
            dockerfile=self._texts[dockerfile],
            test=None if test is None else self._texts[test],
            rootfs=self._trees[tree],
            labels=MappingProxyType(labels),
            key=key,
            gates=self._gates[gates],
            warnings=tuple(warnings),
            template=template,
            test_template=test_template,
            title=title,
            description=description,
            external=_reference(external),
            syntax=_reference(rare.get("syntax")),
            arguments=MappingProxyType(rare.get("arguments", {})),
            contexts=tuple(self._context(context) for context in rare.get("contexts", ())),
            secrets=tuple(rare.get("secrets", ())),
            ssh=tuple(rare.get("ssh", ())),
            entitlements=tuple(rare.get("entitlements", ())),
            checks=tuple(
                ImageCheck.from_json(data, self._trees[tree]) for data, tree in rare.get("checks", ())
            ),
        )

    def _base(self, row: _BaseRow) -> Base:
        kind, name, line, identity, reference, platform = row
        on = self._platform(platform) if platform else None
        return Base(kind, name, line, identity, _reference(reference), on)

    def _context(self, row: _ContextRow) -> NamedContext:
        name, kind, source, reference, identity, tree = row
        return NamedContext(name, kind, source, _reference(reference), identity, self._trees[tree])

    def _platform(self, text: str) -> Platform:
        if text not in self._platforms:
            self._platforms[text] = Platform.parse_any(text)
        return self._platforms[text]


def _base_row(base: Base) -> _BaseRow:
    return base.kind, base.name, base.line, base.target_id, _str(base.reference), _str(base.on)


def _entry_rows(tree: Tree) -> list[EntryRow]:
    return [(e.path, e.kind, e.mode, e.sha256, e.target, e.size, e.origin) for e in tree]


def _reference(text: str | None) -> Reference | None:
    return Reference.parse(text) if text else None


def _str(value: Reference | Platform | None) -> str | None:
    return None if value is None else str(value)
