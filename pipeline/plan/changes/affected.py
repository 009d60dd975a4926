"""The targets that a change affects, and why: those whose inputs differ, and their dependents.

The plan is compared with the catalogue's earlier state. Only images that a changed file can affect are read and
rendered again in that state, so one changed file costs one image. The comparison covers the inputs of the key (the
Dockerfile with its bases and arguments, rootfs/, labels), those of the gates (the structure test, the gates) and the
names (tags, aliases). A changed name affects only its own target; any other difference also affects its dependents.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, replace
from typing import Literal

from pipeline.catalogue.definition import Definition
from pipeline.catalogue.source import PROJECT_NAME, Source, lock_of
from pipeline.config import LOCK_NAME, Lock, Project
from pipeline.dockerfile.base_uses import BaseUse
from pipeline.errors import ConfigError
from pipeline.model import Platform, Reference
from pipeline.util.dataclass import dataclass

from ..graph import UnknownBase
from ..plan import Plan, Target, target_id
from .attribution import Changed, read_by
from .comparison import CatalogueState, TargetDifference, difference, locked, untagged
from .previous import (
    Name,
    PreviousCatalogue,
    PreviousUnreadable,
    defined,
    in_question,
    project_of,
    reached,
    read_past,
)
from .reverted import Before, reverted

# Fields of lockage.yml whose changes are visible in the targets, or that only permit something.
_IN_TARGETS = frozenset(
    (
        *("platforms", "source", "policy", "tools", "project", "bases", "arguments"),
        *("secrets", "ssh", "entitlements", "cache"),
    )
)


_SAME = TargetDifference()


@dataclass(frozen=True, slots=True)
class Affected:
    """A target that a change affects, with every reason."""

    id: str
    reasons: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """As data."""
        return {"id": self.id, "reasons": list(self.reasons)}


@dataclass(frozen=True, slots=True)
class Impact:
    """The affected targets in plan order, the ids of removed targets, and notes."""

    affected: tuple[Affected, ...] = ()
    removed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def affected_since(plan: Plan, before: Before) -> Impact:
    """The targets affected by the difference between a plan's source and the same source with the entries of
    `before`.

    `plan` is a complete plan with its source, not a snapshot. The result is exact: a change that alters no target
    affects none. The lock is the project's own. If the earlier state cannot be read, changed files count as in
    `affected_by`, and a note says so.
    """
    source = _source(plan)
    if not before:
        return Impact()
    earlier, changed = reverted(source, before), Changed(source, tuple(before), before)
    if earlier.get(PROJECT_NAME) is None:
        return _impact(plan, {t.id: TargetDifference(("new",)) for t in plan.targets})
    notes: list[str] = []
    locks = _lock(earlier, notes, " as it was"), _lock(source, notes, "")
    try:
        project = project_of(plan, earlier)
    except PreviousUnreadable as fault:
        reason = f"{changed.describe(PROJECT_NAME)}, and what it said before cannot be read"
        differences = {t.id: TargetDifference((reason,)) for t in plan.targets}
        return _impact(plan, differences, notes=(*notes, f"{PROJECT_NAME} as it was: {fault}"))
    folders = in_question(plan, earlier, project, changed.paths)
    now = defined(plan, folders)
    past = read_past(plan, now, earlier, project, folders, locks[0])
    comparison = _Comparison(plan, past, now, changed, *locks)
    differences = {target.id: comparison.of(target) for target in plan.targets}
    notes += [f"{why}; what changed in {folder}/ counts by file" for folder, why in past.unread.items()]
    return _impact(plan, differences, tuple(i for i in past.targets if i not in plan.by_id), tuple(notes))


def affected_by(plan: Plan, paths: Iterable[str]) -> Impact:
    """The targets that a change of these files (below the root) may affect; only the names are known.

    Each file counts for every target that reads it. Other files are ignored.
    """
    source = _source(plan)
    changed = Changed(source, tuple(dict.fromkeys(paths)))
    everywhere = tuple(changed.describe(n) for n in (PROJECT_NAME, LOCK_NAME) if n in changed.paths)
    folders = reached(source, changed.paths)
    now = defined(plan, folders)
    gone = folders - {d.folders[0].rpartition("/")[2] for d in now.values()}
    differences = {}
    for target in plan.targets:
        definition = now.get((target.image, target.tag))
        reasons = everywhere
        if definition is not None:
            reasons += tuple(map(changed.describe, read_by(changed, definition, target)))
        lost = [b.name for b in target.bases if b.reference and b.name.partition(":")[0] in gone]
        differences[target.id] = TargetDifference(
            reasons + tuple(f"{name} is no longer made here" for name in lost)
        )
    return _impact(plan, differences)


class _Comparison:
    """Compares each target with its earlier state."""

    def __init__(
        self,
        plan: Plan,
        past: PreviousCatalogue,
        now: Mapping[Name, Definition],
        changed: Changed,
        old_lock: Lock | None,
        new_lock: Lock | None,
    ) -> None:
        self.plan, self.past, self.now, self.changed = plan, past, now, changed
        self.old_lock, self.new_lock = old_lock, new_lock
        images = {r for lock in (old_lock, new_lock) if lock for r in lock.images}
        self._moved = {r for r in images if locked(r, old_lock, new_lock)}
        self._everywhere = tuple(self._of_project())

    def of(self, target: Target) -> TargetDifference:
        """Why a target changed."""
        definition = self.now.get((target.image, target.tag))
        own = _SAME
        if definition is not None and definition.folders[0] in self.past.unread:
            own = TargetDifference(
                tuple(map(self.changed.describe, read_by(self.changed, definition, target)))
            )
        elif target.id in self.past.targets:
            before = self.past.definitions.get((target.image, target.tag))
            own = self._difference(self.past.targets[target.id], target, before, definition)
        elif definition is not None:
            own = TargetDifference(("new",))
        elif self._is_reached(target):
            own = self._of_bases(target)
        return replace(own, matter=(*self._everywhere, *own.matter)) if self._everywhere else own

    def _difference(
        self, old: Target, new: Target, before: Definition | None = None, now: Definition | None = None
    ) -> TargetDifference:
        return difference(
            CatalogueState(old, self.old_lock, before), CatalogueState(new, self.new_lock, now), self.changed
        )

    def _is_reached(self, target: Target) -> bool:
        """Whether a target whose own files did not change may have different bases."""
        if self._moved and any(untagged(r) in self._moved for r in target.external_bases):
            return True
        images = self.past.images
        names = [*(b.name for b in target.bases), *(c.image for c in target.contexts if c.kind == "image")]
        return any("/" not in name and name.partition(":")[0] in images for name in names)

    def _of_bases(self, target: Target) -> TargetDifference:
        bases, contexts = [], []
        try:
            for base in target.bases:
                identity, reference = self._earlier(base.name, base.on, target.platform)
                kind: Literal["internal", "external"] = "internal" if identity else "external"
                bases.append(replace(base, kind=kind, target_id=identity, reference=reference))
            for context in target.contexts:
                if context.kind == "image":
                    identity, reference = self._earlier(context.image, None, target.platform)
                    context = replace(context, target_id=identity, reference=reference)
                contexts.append(context)
        except UnknownBase as fault:
            return TargetDifference((f"its base {fault.name} was not known",))
        return self._difference(replace(target, bases=tuple(bases), contexts=tuple(contexts)), target)

    def _earlier(
        self, name: str, on: Platform | None, platform: Platform
    ) -> tuple[str | None, Reference | None]:
        """The earlier base of a name: a target's id, or an external image. Raises `UnknownBase`."""
        edge = self.past.names.resolve(BaseUse(name, 0, 0, 0, "FROM", on), platform)
        return (target_id(*edge.node) if edge.node else None), edge.reference

    def _of_project(self) -> Iterator[str]:
        """The changes of lockage.yml and of the lock that affect every target."""
        old, new = self.past.project, self.plan.project
        for field in fields(Project):
            if field.name not in _IN_TARGETS and getattr(old, field.name) != getattr(new, field.name):
                yield f"{PROJECT_NAME}: {field.name} changed"
        before = old.tools.all()
        for name, reference in new.tools.all().items():
            if before[name] != reference:
                yield f"the tool {name} is {reference} now, was {before[name]}"
            elif moved := locked(reference, self.old_lock, self.new_lock):
                yield f"{moved} (the tool {name})"


def _impact(
    plan: Plan,
    differences: Mapping[str, TargetDifference],
    removed: tuple[str, ...] = (),
    notes: tuple[str, ...] = (),
) -> Impact:
    """The differing targets with their dependents."""
    deep: set[str] = set()
    out = []
    for target in plan.targets:
        own = differences[target.id]
        below = [f"is based on {base}" for base in target.internal_bases if base in deep] if deep else []
        if own.matter or below:
            deep.add(target.id)
        if reasons := (*own.matter, *own.names, *below):
            out.append(Affected(target.id, tuple(dict.fromkeys(reasons))))
    return Impact(tuple(out), removed, notes)


def _source(plan: Plan) -> Source:
    if plan.source is None or plan.snapshot_id is not None:
        raise ValueError("a plan without a snapshot, and with its source")
    return plan.source


def _lock(source: Source, notes: list[str], when: str) -> Lock | None:
    try:
        return lock_of(source)
    except ConfigError as fault:
        notes.append(f"{LOCK_NAME}{when}: {fault.problems[0]}")
        return None
