"""A plan made of the latest one: only the images whose files changed are read, resolved and rendered again.

Everything else about a plan follows from tags, platforms and keys. Where a change reaches those of another
image (a tag, an alias or a platform came or went), or something is wrong, nothing is claimed and the whole
plan is made: its problems are told once, by `make_plan`. `tests/catalogue/test_remake.py` holds that what is
given is what `make_plan` gives.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from pipeline.config import Lock
from pipeline.errors import Problem
from pipeline.model import Platform

from .cascade import resolve
from .discover import discover_images, is_image_folder
from .graph import Names, order
from .keys import key_inputs, key_of
from .make import finished
from .plan import Plan, Target
from .source import IMAGES, Source
from .strays import check_strays
from .tags import known_tags
from .targets import targets_of
from .templating.includes import includes_of, looked_for
from .templating.rendering import render_all

Name = tuple[str, str]  # image and tag
Borne = dict[Name, tuple[tuple[Platform, ...], tuple[str, ...]]]  # platforms, and the tags an index bears


def remake(old: Plan, source: Source, changed: Collection[str], *, lock: Lock | None) -> Plan | None:
    """The plan of a source of which only some folders of images/ (`changed`, by name) differ from that of `old`,
    a whole plan for all platforms without a snapshot; None where that is not certain."""
    folders = reached(source, changed)
    problems: list[Problem] = []
    definitions = resolve(source, discover_images(source, folders, problems), problems)
    check_strays(source, definitions, problems)
    images = {d.image for d in definitions}
    defined = {_folder(d.folders[0]) for d in definitions}
    if any(is_image_folder(source, name) and name not in defined for name in folders):
        return None  # it may have had tags before
    if problems or not _same_images(old, images, folders):
        return None
    rendered = render_all(source, definitions, old.project.platforms, (), problems)
    _, aliases = known_tags(definitions)
    borne = {
        (d.image, d.tag): (r.platforms, (d.tag, *aliases.get((d.image, d.tag), ())))
        for r in rendered
        for d in (r.definition,)
    }
    before = _borne(old.targets)
    if problems or borne != {name: before[name] for name in before if name[0] in images}:
        return None
    made = targets_of(source, old.project, rendered, _names(old, before, lock), aliases, problems, lock)
    targets = None if problems else _in_order(old, made)
    return finished(old.project, _keyed(old, targets, made), lock, None, source) if targets else None


def reached(source: Source, changed: Iterable[str]) -> frozenset[str]:
    """Folders of images/ that changed, and those whose templates may read something in them."""
    found = set(changed)
    reads: dict[str, set[str]] = {}
    for path, entry in source.files.items():
        if entry.content is None or b"{%" not in entry.content or not path.startswith(f"{IMAGES}/"):
            continue
        includes = includes_of(entry.content)
        places = {place for name in includes.names for place in looked_for(path, name)}
        into = reads.setdefault(_folder(path), set())
        into.update(_folder(place) for place in places)
        if includes.computed:
            found.add(_folder(path))  # it may read anything
    again = True
    while again:
        more = {folder for folder, into in reads.items() if not into.isdisjoint(found)}
        again = not more <= found
        found |= more
    return frozenset(found)


def _folder(path: str) -> str:
    """The name below images/; "" for a path elsewhere, where nothing changed."""
    top, _, rest = path.partition("/")
    return rest.partition("/")[0] if top == IMAGES else ""


def _same_images(old: Plan, images: Collection[str], folders: Collection[str]) -> bool:
    """Whether the old targets of these folders are exactly those of these images, as far as paths tell."""
    for target in old.targets:
        path = target.template or target.test_template
        here = path is not None and _folder(path) in folders
        if here is not (target.image in images):
            return False
    return True


def _borne(targets: Iterable[Target]) -> Borne:
    out: Borne = {}
    for target in targets:
        name = target.image, target.tag
        platforms = out[name][0] if name in out else ()
        out[name] = (*platforms, target.platform), target.tags
    return out


def _names(old: Plan, borne: Borne, lock: Lock | None) -> Names:
    tags: dict[str, dict[str, str]] = {}
    for (image, tag), (_, names) in borne.items():
        tags.setdefault(image, {}).update(dict.fromkeys(names, tag))
    return Names(tags, {name: platforms for name, (platforms, _) in borne.items()}, old.project.bases, lock)


def _in_order(old: Plan, made: Mapping[str, Target]) -> tuple[Target, ...] | None:
    """All targets in the order of a plan; None if they stand on each other."""
    targets = {t.id: made.get(t.id, t) for t in old.targets}
    if all(old.by_id[i].internal_bases == t.internal_bases for i, t in made.items()):
        return tuple(targets.values())
    by_name = sorted(targets.values(), key=lambda t: (t.image, t.tag, t.platform.slug))
    ids, cycles = order({t.id: t.internal_bases for t in by_name})
    return None if cycles else tuple(targets[i] for i in ids)


def _keyed(old: Plan, targets: Iterable[Target], made: Mapping[str, Target]) -> tuple[Target, ...]:
    """The targets with their keys: made again for those that were, and for all above a key that is another."""
    keys = {t.id: t.key for t in old.targets}
    moved: set[str] = set()
    out = []
    for target in targets:
        if target.id in made or not moved.isdisjoint(target.internal_bases):
            known = {i: key for i in target.internal_bases if (key := keys[i]) is not None}
            inputs = key_inputs(target, known, builder=old.builder)
            key = None if inputs is None else key_of(inputs)
            if key != keys[target.id]:
                moved.add(target.id)
            keys[target.id] = key
            target = replace(target, key=key)
        out.append(target)
    return tuple(out)
