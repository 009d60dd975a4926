"""A plan kept as bytes and read back whole, without reading a template or a YAML file again.

`fingerprint` covers everything that a plan is made from, this program's own code included, so what is kept
under it is the plan that `make_plan` would give. Reading it back imports neither pydantic nor PyYAML nor
jinja2, which is what makes `lockage plan` quick when nothing changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from pipeline.catalogue.named_contexts import NamedContext
from pipeline.catalogue.rootfs import RootfsEntry
from pipeline.catalogue.source import Source
from pipeline.config import Lock, Project
from pipeline.model import Gates, Platform, Reference
from pipeline.util.canonical_json import compact

from ..plan import Base, Plan, Target

T = TypeVar("T")

STORE_FORMAT = 5
_CODE = ("catalogue", "config", "dockerfile", "model", "plan")
_LIBRARIES = ("jinja2-", "pydantic-", "pydantic_core-", "pyyaml-")


def fingerprint(
    source: Source,
    *,
    lock: Lock | None,
    platforms: Iterable[Platform] = (),
    snapshot_id: str | None = None,
) -> str:
    """A hash over every input of `make_plan` (but `only`), and over the code that makes plans."""
    found = hashlib.sha256(_code().encode())
    options = [STORE_FORMAT, [str(p) for p in platforms], snapshot_id]
    found.update(compact(options) + b"\0" + (lock.to_bytes() if lock else b"") + b"\0")
    for path in sorted(source.files):
        entry = source.files[path]
        what = entry.target if entry.kind == "link" else entry.sha256
        head = f"{path}\0{entry.kind}\0{entry.mode:o}\0{entry.size}\0{what}\0".encode()
        found.update(head + entry.content if entry.content is not None else head)
    return found.hexdigest()


def _code() -> str:
    """What tells this program's code, and that of the libraries it makes plans with, from another version's."""
    root = Path(__file__).parents[2]
    stats = [(p.name, p.stat()) for room in _CODE for p in sorted((root / room).rglob("*.py"))]
    library = find_spec("jinja2")
    beside = Path(library.origin).parent.parent if library and library.origin else root
    versions = sorted(n for n in os.listdir(beside) if n.lower().startswith(_LIBRARIES))  # noqa: PTH208
    return repr((sys.version, versions, [(name, s.st_size, s.st_mtime_ns) for name, s in stats]))


def dump(plan: Plan) -> bytes:
    """A whole plan (nothing selected) as bytes."""
    texts: dict[str, str] = {}
    trees = _Table[tuple[RootfsEntry, ...]](_tree_json)
    gates = _Table[Gates](Gates.to_json)

    def text(value: str | None) -> str | None:
        if value is None:
            return None
        digest = hashlib.sha256(value.encode()).hexdigest()
        texts[digest] = value
        return digest

    targets = [
        [
            *(t.id, t.image, t.tag, t.base_tag, t.variant, str(t.platform), t.tags),
            [[b.kind, b.name, b.line, b.target_id, _str(b.reference), _str(b.on)] for b in t.bases],
            *(text(t.dockerfile), text(t.test)),
            *(trees.number(t.rootfs), gates.number(t.gates)),
            *(dict(t.labels), t.key, t.warnings, t.template, t.test_template, t.title, t.description),
            _str(t.external),
            _more(t, trees),
        ]
        for t in plan.targets
    ]
    return compact(
        {
            "store": STORE_FORMAT,
            "project": plan.project.to_json(),
            "lock_state": plan.lock_state,
            "unlocked": [str(r) for r in plan.unlocked],
            "snapshot_id": plan.snapshot_id,
            "tools": [[name, str(ref)] for name, ref in plan.tools.items()],
            "texts": texts,
            "trees": trees.values(),
            "gates": gates.values(),
            "targets": targets,
        }
    )


def _more(target: Target, trees: _Table[tuple[RootfsEntry, ...]]) -> dict[str, Any]:
    """What few targets have, by field."""
    contexts = [
        [c.name, c.kind, c.source, _str(c.reference), c.target_id, trees.number(c.entries)]
        for c in target.contexts
    ]
    found = {
        "syntax": _str(target.syntax),
        "arguments": dict(target.arguments),
        "contexts": contexts,
        "secrets": target.secrets,
        "ssh": target.ssh,
        "entitlements": target.entitlements,
    }
    return {key: value for key, value in found.items() if value}


def _tree_json(tree: tuple[RootfsEntry, ...]) -> list[list[Any]]:
    return [[e.path, e.kind, e.mode, e.sha256, e.target, e.size, e.origin] for e in tree]


class _Table(Generic[T]):
    """Values that many targets share, each written once; an object that was seen is not compared again."""

    def __init__(self, to_json: Callable[[T], Any]) -> None:
        self._to_json = to_json
        self._seen: dict[int, tuple[T, int]] = {}  # the objects themselves too, so that no id is given again
        self._numbers: dict[str, int] = {}

    def number(self, value: T) -> int:
        """The value's place in the table."""
        if id(value) not in self._seen:
            text = json.dumps(self._to_json(value))
            self._seen[id(value)] = value, self._numbers.setdefault(text, len(self._numbers))
        return self._seen[id(value)][1]

    def values(self) -> list[Any]:
        """The table as data."""
        return [json.loads(text) for text in self._numbers]


def load(content: bytes, source: Source) -> Plan:
    """The plan that `dump` wrote. Raises ValueError for anything else."""
    try:
        data = json.loads(content)
        if data["store"] != STORE_FORMAT:
            raise ValueError("another format")
        trees = [tuple(RootfsEntry(*entry) for entry in tree) for tree in data["trees"]]
        gates = [Gates.from_json(gate) for gate in data["gates"]]
        return Plan(
            project=Project.from_json(data["project"]),
            targets=tuple(_target(t, data["texts"], trees, gates) for t in data["targets"]),
            lock_state=data["lock_state"],
            unlocked=tuple(Reference.parse(r) for r in data["unlocked"]),
            snapshot_id=data["snapshot_id"],
            tools=MappingProxyType({name: Reference.parse(ref) for name, ref in data["tools"]}),
            source=source,
        )
    except (AttributeError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise ValueError(f"not a stored plan: {error!r}") from None


def _target(
    row: list[Any], texts: Mapping[str, str], trees: list[tuple[RootfsEntry, ...]], gates: list[Gates]
) -> Target:
    identity, image, tag, base_tag, variant, platform, tags, bases, *rest = row
    dockerfile, test, tree, gate, labels, key, warnings, template, test_template, *rest = rest
    title, description, external, more = rest
    return Target(
        id=identity,
        image=image,
        tag=tag,
        base_tag=base_tag,
        variant=variant,
        platform=_platform(platform),
        tags=tuple(tags),
        bases=tuple(_base(*base) for base in bases),
        dockerfile=texts[dockerfile],
        test=None if test is None else texts[test],
        rootfs=trees[tree],
        labels=MappingProxyType(labels),
        key=key,
        gates=gates[gate],
        warnings=tuple(warnings),
        template=template,
        test_template=test_template,
        title=title,
        description=description,
        external=Reference.parse(external) if external else None,
        **(_more_of(more, trees) if more else {}),
    )


def _more_of(more: Mapping[str, Any], trees: list[tuple[RootfsEntry, ...]]) -> dict[str, Any]:
    syntax = more.get("syntax")
    return {
        "syntax": Reference.parse(syntax) if syntax else None,
        "arguments": MappingProxyType(more.get("arguments", {})),
        "contexts": tuple(_context(*context, trees) for context in more.get("contexts", ())),
        "secrets": tuple(more.get("secrets", ())),
        "ssh": tuple(more.get("ssh", ())),
        "entitlements": tuple(more.get("entitlements", ())),
    }


def _base(
    kind: Any, name: str, line: int, identity: str | None, reference: str | None, on: str | None
) -> Base:
    found = Reference.parse(reference) if reference else None
    return Base(kind, name, line, identity, found, _platform(on) if on else None)


def _context(
    name: str,
    kind: Any,
    source: str,
    reference: str | None,
    identity: str | None,
    tree: int,
    trees: list[tuple[RootfsEntry, ...]],
) -> NamedContext:
    found = Reference.parse(reference) if reference else None
    return NamedContext(name, kind, source, found, identity, trees[tree])


_PLATFORMS: dict[str, Platform] = {}


def _platform(text: str) -> Platform:
    if text not in _PLATFORMS:
        _PLATFORMS[text] = Platform.parse_any(text)
    return _PLATFORMS[text]


def _str(value: Reference | Platform | None) -> str | None:
    return None if value is None else str(value)
