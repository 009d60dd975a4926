"""From a source to the plan: the steps of the catalogue in order.

Folders of images/ of which nothing has changed since an earlier plan are taken over from it, and the steps are done for
the others alone. If any of them has a problem, everything is read, so that problems are those of the whole catalogue.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import groupby
from types import MappingProxyType
from typing import TYPE_CHECKING

from pipeline.catalogue.commit_tags import check_commit_tags
from pipeline.catalogue.definition import Definition
from pipeline.catalogue.diagnostics import merge_by_subject
from pipeline.catalogue.known_tags import Aliases, known_tags
from pipeline.catalogue.source import IMAGES, Source
from pipeline.catalogue.templating.rendering import Rendered, platforms_of, render_all
from pipeline.catalogue.templating.templates import Renderer, RenderingUsage
from pipeline.config import Lock, Project
from pipeline.errors import ConfigError, Problem, UsageError
from pipeline.model import Platform, valid_tag
from pipeline.model.gates import PolicyDocuments
from pipeline.util.dataclass import dataclass

from .cache.definitions import StoredDefinitions, state_of
from .cache.parts import PlanPart, PlanParts, Platforms, Tags
from .checks.loosened import check_loosened
from .checks.requests import check_entitlements
from .graph import Names, cycle_problem, order
from .keys import key_inputs, key_of
from .plan import LockState, Plan, Target
from .policy_documents import documents_of, files_named
from .selection import select
from .targets import PlanInputs, pinned, targets_of

if TYPE_CHECKING:
    from jinja2 import BytecodeCache

    from pipeline.catalogue.discover import Discovered, ImageFolder

_HINT = "`lockage plan` checks again without building anything"


@dataclass(frozen=True, slots=True)
class PlanParameters:
    """What a plan is made with, beside the catalogue."""

    lock: Lock | None = None
    platforms: tuple[Platform, ...] = ()
    snapshot_id: str | None = None
    bytecode: BytecodeCache | None = None


@dataclass(frozen=True, slots=True)
class _Read:
    """What the files say: of the folders that were read, except `names`, which are those of the catalogue."""

    images: Mapping[str, ImageFolder]  # by folder; without those of stored definitions
    definitions: tuple[Definition, ...]
    project: Project | None
    documents: PolicyDocuments
    policy_files: tuple[str, ...]  # that lockage.yml names
    tags: Tags
    aliases: Aliases
    platforms: Platforms
    problems: list[Problem]


def make_plan(
    source: Source,
    *,
    lock: Lock | None = None,
    only: Iterable[str] = (),
    platforms: Iterable[Platform] = (),
    snapshot_id: str | None = None,
    bytecode: BytecodeCache | None = None,
) -> Plan:
    """The plan of a catalogue. Pure: the same arguments give the same plan on any machine, whatever `bytecode` (the
    compiled templates of earlier plans) contains.

    `only` selects targets by pattern, with their bases (see `select`); `platforms` restricts each image's platforms.
    Raises `ConfigError` with every problem of every file, `UsageError` for a pattern, platform or snapshot that
    matches nothing or is invalid.
    """
    plan = make_parts(source, PlanParameters(lock, tuple(platforms), snapshot_id, bytecode)).plan
    patterns = tuple(only)
    return select(plan, patterns) if patterns else plan


def make_parts(source: Source, parameters: PlanParameters, earlier: PlanParts | None = None) -> PlanParts:
    """The plan with its parts, likewise. `earlier` is another plan with the same parameters and the same
    lockage.yml, with the parts of which nothing has changed; the result is the same without it."""
    snapshot_id = parameters.snapshot_id
    if snapshot_id is not None and not (snapshot_id and valid_tag(f"x-{snapshot_id}")):
        raise UsageError(f"{snapshot_id!r} cannot stand in a tag", hint="letters, digits, '_', '.' and '-'")
    if earlier is not None and earlier.parts:
        try:
            return _make(source, parameters, earlier)
        except ConfigError:
            pass  # raised again below, with the problems of all files
    return _make(source, parameters, None)


def _make(source: Source, parameters: PlanParameters, earlier: PlanParts | None) -> PlanParts:
    read = _read(source, parameters, earlier)
    while earlier and (stale := earlier.stale(read.tags, read.platforms)):
        earlier = earlier.without(stale)
        read = _read(source, parameters, earlier)
    problems, project = read.problems, read.project
    taken_over = earlier.parts.values() if earlier else ()
    spent = RenderingUsage(sum(part.work for part in taken_over), sum(part.output for part in taken_over))
    renderer = Renderer(source, bytecode=parameters.bytecode, spent=spent)
    default = project.platforms if project else ()
    rendered = render_all(renderer, read.definitions, default, parameters.platforms, problems)
    if problems or project is None:
        raise ConfigError(merge_by_subject(problems), hint=_HINT)
    return _assemble(source, parameters, project, read, rendered, earlier)


def _read(source: Source, parameters: PlanParameters, earlier: PlanParts | None) -> _Read:
    """Read the folders that are no part of the earlier plan."""
    problems: list[Problem] = []
    images: tuple[ImageFolder, ...] = ()
    policy_files: tuple[str, ...] = ()
    documents, project = PolicyDocuments(), None
    definitions = _stored_definitions(source, earlier) if earlier else None
    if definitions is None:
        discovered, definitions = _resolved(source, earlier, problems)
        images, documents = discovered.images, documents_of(source, discovered, problems)
        project = discovered.project.value(documents) if discovered.project else None
        policy_files = files_named(source, discovered.project, ())
    names = {definition.image for definition in definitions}
    if earlier and earlier.parts:
        project = earlier.plan.project
        names |= {part.image for part in earlier.parts.values()}
    if project:
        check_commit_tags(source, project, definitions, problems)
        check_entitlements(source, project, names, problems)
        check_loosened(project, images, problems)
    tags, aliases = known_tags(definitions)
    default = project.platforms if project else ()
    platforms = {(d.image, d.tag): platforms_of(d, default, parameters.platforms) for d in definitions}
    by_folder = {image.folder: image for image in images}
    return _Read(by_folder, definitions, project, documents, policy_files, tags, aliases, platforms, problems)


def _resolved(
    source: Source, earlier: PlanParts | None, problems: list[Problem]
) -> tuple[Discovered, tuple[Definition, ...]]:
    """What the files of these folders say, and the definitions of their tags."""
    # pydantic and PyYAML, which an edit of a template does not need
    from pipeline.catalogue.cascade import resolve
    from pipeline.catalogue.discover import discover
    from pipeline.catalogue.unused import check_unused_folders

    discovered = discover(source, earlier.parts if earlier else ())
    problems += discovered.problems
    definitions = resolve(source, discovered.images, problems)
    if not problems:  # a file that could not be read explains its folders
        check_unused_folders(source, definitions, problems)
    return discovered, definitions


def _stored_definitions(source: Source, earlier: PlanParts) -> tuple[Definition, ...] | None:
    """The definitions of these folders as the earlier plan has them; None unless all are what they were."""
    definitions: list[Definition] = []
    for folder in (f"{IMAGES}/{name}" for name in source.levels(IMAGES)):
        if folder not in earlier.parts:
            stored = earlier.plan.definitions.get(folder)
            if stored is None or stored.state != state_of(source, folder):
                return None
            definitions += stored.read(source)
    return tuple(sorted(definitions, key=lambda definition: definition.image))


def _assemble(
    source: Source,
    parameters: PlanParameters,
    project: Project,
    read: _Read,
    rendered: list[Rendered],
    earlier: PlanParts | None,
) -> PlanParts:
    kept_tags, kept_platforms = earlier.names if earlier else ({}, {})
    names = Names(read.tags | kept_tags, read.platforms | kept_platforms, project.bases, parameters.lock)
    inputs = PlanInputs(
        *(source, project, names, read.aliases, parameters.lock, parameters.snapshot_id, read.documents),
        frozenset(target.test for target in earlier.plan.targets if target.test) if earlier else frozenset(),
    )
    problems: list[Problem] = []
    targets = dict(earlier.targets) if earlier else {}
    parts = dict(earlier.parts) if earlier else {}
    kept = frozenset(targets)
    before = earlier.plan.by_id if earlier else {}
    definitions = (
        {folder: d for folder, d in earlier.plan.definitions.items() if folder in parts} if earlier else {}
    )
    for folder, items in groupby(rendered, lambda item: item.definition.folders[0]):
        names.asked.clear()
        tags = tuple(items)
        targets |= targets_of(inputs, tags, problems)
        parts[folder] = _part(source, folder, read.images.get(folder), tags, names)
        if stored := StoredDefinitions.of(source, folder, [item.definition for item in tags]):
            definitions[folder] = stored
    if problems:
        raise ConfigError(merge_by_subject(problems), hint=_HINT)
    keys: dict[str, str] = {}
    changed: set[str] = set()
    keyed = []
    for identity in _order(source, targets, before, rendered):
        target = targets[identity]
        if identity not in kept or (changed and not changed.isdisjoint(target.internal_bases)):
            hashed = key_inputs(target, keys, builder=project.tools.builder)
            target = target.with_key(None if hashed is None else key_of(hashed))
            if identity not in before or before[identity].key != target.key:
                changed.add(identity)
        if target.key is not None:
            keys[identity] = target.key
        keyed.append(target)
    plan = replace(_finished(project, tuple(keyed), parameters, source), definitions=definitions)
    files = earlier.files if earlier else read.policy_files
    return PlanParts(plan, dict(sorted(parts.items())), files)


def _order(
    source: Source, targets: Mapping[str, Target], before: Mapping[str, Target], rendered: list[Rendered]
) -> tuple[str, ...]:
    """The ids of the targets, bases first; `before` are those of the earlier plan."""
    if targets.keys() == before.keys() and all(
        target is before[i] or target.internal_bases == before[i].internal_bases
        for i, target in targets.items()
    ):
        return tuple(before)
    by_name = sorted(targets.values(), key=lambda t: (t.image, t.tag, t.platform.slug))
    ids, cycles = order({t.id: t.internal_bases for t in by_name})
    if cycles:
        if before:
            raise ConfigError([])  # the FROM that closes it may be in a folder that was not read
        raise ConfigError(
            list(dict.fromkeys(_cycle(source, c, targets, rendered) for c in cycles)), hint=_HINT
        )
    return ids


def _part(
    source: Source, folder: str, image: ImageFolder | None, items: tuple[Rendered, ...], names: Names
) -> PlanPart:
    usages = [item.usage for item in items]
    work, output = sum(usage.work for usage in usages), sum(usage.output for usage in usages)
    files = {path for usage in usages for path in usage.looked_up}
    files.update(files_named(source, None, (image,)) if image else ())
    outside = sorted(path for path in files if not path.startswith(f"{folder}/"))
    name = items[0].definition.image
    return PlanPart(name, work, output, tuple(outside), tuple(sorted(names.asked)))


def _finished(
    project: Project, targets: tuple[Target, ...], parameters: PlanParameters, source: Source
) -> Plan:
    lock, policies = parameters.lock, (project.policy, *(target.gates for target in targets))
    grype = any("grype" in gates.vulnerabilities.scanners for gates in policies)
    tools = {name: pinned(ref, lock) for name, ref in project.images(grype=grype).items()}
    bases = [r for t in targets for r in t.external_bases]
    unlocked = tuple(dict.fromkeys(r for r in (*bases, *tools.values()) if r.digest is None))
    state: LockState = "none" if lock is None else "partial" if unlocked else "complete"
    tools_of_plan = MappingProxyType(tools)
    return Plan(project, targets, state, unlocked, parameters.snapshot_id, tools_of_plan, source=source)


def _cycle(
    source: Source, cycle: tuple[str, ...], targets: Mapping[str, Target], rendered: list[Rendered]
) -> Problem:
    last = targets[cycle[-2]]
    line = next((b.line for b in last.bases if b.target_id == cycle[-1]), 1)
    item = next(r for r in rendered if r.definition.name == last.name)
    path, number = item.template_line(source, line)
    return cycle_problem(tuple(targets[i].name for i in cycle), path, number)
