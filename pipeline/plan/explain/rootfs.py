"""The level of rootfs/ that won a path of an image, and the others that have it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence

from pipeline.catalogue.rootfs import RootfsEntry
from pipeline.catalogue.source import ROOTFS, Source, SourceFile
from pipeline.errors import UsageError
from pipeline.util.dataclass import dataclass
from pipeline.util.suggest import did_you_mean

from ..plan import Plan, Target
from .levels import levels_of


@dataclass(frozen=True, slots=True)
class RootfsLevel:
    """One level's entry at a path: location, kind, permission bits, content digest, link target, size in bytes."""

    origin: str
    kind: str
    mode: int
    digest: str | None = None
    target: str | None = None
    size: int = 0

    def to_json(self) -> dict[str, object]:
        """As data, as a plan has it."""
        out: dict[str, object] = {"origin": self.origin, "kind": self.kind, "mode": f"{self.mode:04o}"}
        if self.digest:
            out |= {"digest": self.digest, "size": self.size}
        return out | ({"target": self.target} if self.target is not None else {})


@dataclass(frozen=True, slots=True)
class ExplainedPath:
    """A path in the rootfs of one tag. `wins` is None if a later level replaced a parent folder: `hidden_by`."""

    name: str  # python:3.11.2-dev
    path: str  # below /
    wins: RootfsLevel | None
    loses: tuple[RootfsLevel, ...]  # most specific first; folders are merged and do not lose
    hidden_by: str | None = None

    def to_json(self) -> dict[str, object]:
        """As data."""
        return {
            "name": self.name,
            "path": f"/{self.path}",
            "wins": self.wins.to_json() if self.wins else None,
            "loses": [layer.to_json() for layer in self.loses],
            "hidden_by": self.hidden_by,
        }


def explain_rootfs(plan: Plan, ids: Iterable[str], path: str) -> tuple[ExplainedPath, ...]:
    """The origin of a path in each of these targets' tags, in plan order, without tags that never had it.

    Raises UsageError if no tag has it, with the nearest path that exists.
    """
    source = plan.source
    if source is None:
        raise ValueError("a plan that knows its source")
    wanted = posixpath.normpath(path).strip("/")
    targets = {plan.by_id[i].name: plan.by_id[i] for i in ids}
    explained = [
        path_of_target for t in targets.values() if (path_of_target := _of(source, t, wanted)) is not None
    ]
    if not explained:
        known = {f"/{e.path}" for t in targets.values() for e in t.rootfs}
        hint = did_you_mean(f"/{wanted}", known) or "`lockage plan --json` lists every path of each target"
        raise UsageError(f"no rootfs/ of {_subject(tuple(targets))} has /{wanted}", hint=hint)
    return tuple(explained)


def _of(source: Source, target: Target, path: str) -> ExplainedPath | None:
    levels, _ = levels_of(source, target)
    layers = []
    for folder in reversed(levels.definition.folders):
        origin = f"{folder}/{ROOTFS}/{path}"
        entry = source.get(origin)
        if entry is not None:
            layers.append(_layer(origin, entry))
    if not layers:
        return None
    winner = next((e for e in target.rootfs if e.path == path), None)
    if winner is None:
        return ExplainedPath(target.name, path, None, tuple(layers), _hiding(target, path))
    loses = [a for a in layers if a.origin != winner.origin and not (a.kind == winner.kind == "dir")]
    won = next(a for a in layers if a.origin == winner.origin)
    return ExplainedPath(target.name, path, won, tuple(loses))


def _layer(origin: str, entry: SourceFile) -> RootfsLevel:
    digest = f"sha256:{entry.sha256}" if entry.sha256 else None
    return RootfsLevel(origin, entry.kind, entry.mode, digest, entry.target, entry.size)


def _hiding(target: Target, path: str) -> str | None:
    """The file or link that replaced a parent folder of the path."""
    entries: dict[str, RootfsEntry] = {e.path: e for e in target.rootfs}
    while "/" in path:
        path = path.rpartition("/")[0]
        if path in entries and entries[path].kind != "dir":
            return entries[path].origin
    return None


def _subject(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} images"
