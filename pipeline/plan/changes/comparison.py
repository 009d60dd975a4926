"""The difference between a target and its earlier state, in lines that name the cause."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pipeline.catalogue.definition import Definition
from pipeline.catalogue.named_contexts import NamedContext
from pipeline.catalogue.rootfs import RootfsEntry
from pipeline.config import Lock
from pipeline.model import Reference
from pipeline.util.dataclass import dataclass

from ..plan import Base, Target
from .attribution import Changed

_SHOWN = 3  # maximum number of rootfs/ paths in a reason


@dataclass(frozen=True, slots=True)
class CatalogueState:
    """One side of a comparison: a target, its definition (if it was resolved), and the project's lock."""

    target: Target
    lock: Lock | None
    definition: Definition | None = None


@dataclass(frozen=True, slots=True)
class TargetDifference:
    """Why a target changed: `matter` also affects its dependents, `names` only the target itself."""

    matter: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


def difference(old: CatalogueState, new: CatalogueState, changed: Changed) -> TargetDifference:
    """The inputs of the key and of the gates (`matter`), and the tags and aliases (`names`)."""
    before, now = old.target, new.target
    rootfs = _rootfs(before, now, changed)
    matter: list[str] = []
    if resolved(before, old.lock) != resolved(now, new.lock):
        bases = list(_bases(old, new))
        texts = list(_text(old, new, changed, before.template, now.template))
        matter += bases
        if before.dockerfile != now.dockerfile or not bases:
            matter += texts or ([] if rootfs else ["its Dockerfile is another"])
    if before.test != now.test:
        texts = list(_text(old, new, changed, before.test_template, now.test_template))
        matter += texts or ["its structure test is another"]
    if before.checks != now.checks:
        changed_checks = {c.name for c in {*before.checks} ^ {*now.checks}}
        matter += [f"check {name} is another" for name in sorted(changed_checks)]
    matter += rootfs
    matter += _contexts(old, new, changed)
    matter += _mapping("args", before.arguments, now.arguments)
    matter += _labels(before, now)
    matter += [f"gate {gate} is another" for gate in _gates(before, now)]
    names = [f"bears {tag} now" for tag in now.tags if tag not in before.tags]
    names += [f"no longer bears {tag}" for tag in before.tags if tag not in now.tags]
    return TargetDifference(tuple(dict.fromkeys(matter)), tuple(names))


def resolved(target: Target, lock: Lock | None) -> tuple[str, str | None, str | None]:
    """The Dockerfile with its bases by id and by digest, its frontend, and the image of an external target."""
    names = {b.name: exact(b, lock) for b in target.bases if b.reference}
    names |= {b.target_id: b.target_id for b in target.bases if b.target_id}
    external = None if target.external is None else _pinned(target.external, lock)
    syntax = None if target.syntax is None else _pinned(target.syntax, lock)
    return target.dockerfile_on(names), syntax, external


def exact(base: Base, lock: Lock | None) -> str:
    """A base as a target's id, as `name@digest`, or as an unlocked reference."""
    return _exact(base.name, base.target_id, base.reference, lock)


def _exact(name: str, identity: str | None, reference: Reference | None, lock: Lock | None) -> str:
    if identity:
        return identity
    assert reference is not None, "an image is internal or external"
    written = Reference.parse(name)
    if written.digest:
        return f"{written.repository}@{written.digest}"
    return _pinned(reference, lock)


def _pinned(reference: Reference, lock: Lock | None) -> str:
    tagged = untagged(reference)
    digest = lock.digest(tagged) if lock else None
    return f"{tagged.repository}@{digest}" if digest else str(tagged)


def untagged(reference: Reference) -> Reference:
    """A reference without the digest from a lock."""
    return Reference(reference.repository, reference.tag) if reference.tag else reference


def locked(reference: Reference, old: Lock | None, new: Lock | None) -> str | None:
    """How the lock of a reference changed; None if it did not."""
    tagged = untagged(reference)
    before = old.digest(tagged) if old else None
    now = new.digest(tagged) if new else None
    if before == now:
        return None
    if now is None:
        return f"{tagged} is no longer locked"
    return f"{tagged} is locked to another digest" if before else f"{tagged} is locked now"


def _bases(old: CatalogueState, new: CatalogueState) -> Iterator[str]:
    before = {(b.name, b.on): b for b in old.target.bases}
    for base in new.target.bases:
        was = before.get((base.name, base.on))
        if was is None or exact(was, old.lock) == exact(base, new.lock):
            continue
        if base.reference and was.reference:
            yield locked(base.reference, old.lock, new.lock) or f"{base.name} is another image"
        else:
            yield f"its base {base.name} is now {_short(base)}, was {_short(was)}"
    if new.target.syntax and old.target.syntax:
        same = untagged(new.target.syntax) == untagged(old.target.syntax)
        if moved := locked(new.target.syntax, old.lock, new.lock) if same else None:
            yield moved
    if new.target.external and old.target.external:
        if untagged(new.target.external) != untagged(old.target.external):
            now, was_ = untagged(new.target.external), untagged(old.target.external)
            yield f"it is {now} now, was {was_}"
        elif moved := locked(new.target.external, old.lock, new.lock):
            yield moved


def _short(base: Base) -> str:
    return base.target_id or str(untagged(base.reference) if base.reference else base.name)


def _text(
    old: CatalogueState, new: CatalogueState, changed: Changed, before: str | None, now: str | None
) -> Iterator[str]:
    if before != now and now not in changed.paths:
        yield f"its template is {now or 'none'} now, was {before or 'none'}"
    yield from map(changed.describe, changed.of_templates((now,)))
    if old.definition and new.definition:
        yield from _values(old.definition, new.definition)


def _values(old: Definition, new: Definition) -> Iterator[str]:
    for key in ("versions", "variables"):
        before: Mapping[str, object] = getattr(old, key)
        now: Mapping[str, object] = getattr(new, key)
        yield from _mapping(key, before, now)
    for key in ("rootfs_user", "rootfs_copy"):
        if getattr(old, key) != getattr(new, key):
            yield f"{key} is {_short_value(getattr(new, key))} now, was {_short_value(getattr(old, key))}"


def _mapping(name: str, before: Mapping[str, object], now: Mapping[str, object]) -> Iterator[str]:
    for key in dict.fromkeys((*before, *now)):
        if key not in now:
            yield f"{name}.{key} is gone"
        elif key not in before:
            yield f"{name}.{key} is {_short_value(now[key])} now"
        elif before[key] != now[key]:
            yield f"{name}.{key} is {_short_value(now[key])} now, was {_short_value(before[key])}"


def _short_value(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _contexts(old: CatalogueState, new: CatalogueState, changed: Changed) -> Iterator[str]:
    before = {c.name: c for c in old.target.contexts}
    now = {c.name: c for c in new.target.contexts}
    for name in dict.fromkeys((*before, *now)):
        was, context = before.get(name), now.get(name)
        if was is None or context is None:
            yield f"the context {name} is {'gone' if context is None else 'new'}"
        elif was.kind == context.kind == "folder":
            yield from _trees(was.entries, context.entries, changed, f"context {name}: ")
        elif _resolved(was, old.lock) != _resolved(context, new.lock):
            moved = None
            if was.source == context.source and context.reference is not None:
                moved = locked(context.reference, old.lock, new.lock)
            if context.target_id and was.target_id:
                moved = f"the context {name} is now {context.target_id}, was {was.target_id}"
            yield moved or f"the context {name} is {context.source} now, was {was.source}"


def _resolved(context: NamedContext, lock: Lock | None) -> str:
    if context.kind != "image":
        return f"{context.kind} {context.url}"
    return _exact(context.image, context.target_id, context.reference, lock)


def _rootfs(before: Target, now: Target, changed: Changed) -> list[str]:
    return _trees(before.rootfs, now.rootfs, changed, "rootfs/")


def _trees(
    before: Iterable[RootfsEntry], now: Iterable[RootfsEntry], changed: Changed, prefix: str
) -> list[str]:
    old, new = (
        {e.path: (e.kind, e.mode, e.sha256 if e.kind == "file" else e.target, e.origin) for e in side}
        for side in (before, now)
    )
    paths = [p for p in sorted(old.keys() | new.keys()) if old.get(p, ())[:3] != new.get(p, ())[:3]]
    inner = [p for p in paths if (new.get(p) or old[p])[0] != "dir"] or paths
    lines = []
    for path in inner:
        origins = [side[path][3] for side in (new, old) if path in side]
        touched = next((o for o in origins if o in changed.paths), None)
        change = "is gone" if path not in new else "is new" if path not in old else "is another"
        lines.append(changed.describe(touched) if touched else f"{prefix}{path} {change}")
    lines = list(dict.fromkeys(lines))
    more = f"and {len(lines) - _SHOWN} more of {prefix.rstrip(': ')}"
    return [*lines[:_SHOWN], more] if len(lines) > _SHOWN else lines


def _labels(before: Target, now: Target) -> list[str]:
    return list(_mapping("label", before.labels, now.labels))


def _gates(before: Target, now: Target) -> Iterator[str]:
    if before.gates != now.gates:
        for gate in ("vulnerabilities", "secrets", "size"):
            if getattr(before.gates, gate) != getattr(now.gates, gate):
                yield gate
