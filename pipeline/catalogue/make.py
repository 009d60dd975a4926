"""From a source to the plan: the steps of the catalogue in their order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from pipeline.config import Lock, Project
from pipeline.errors import ConfigError, Problem, UsageError
from pipeline.model import Platform, Reference, valid_tag

from .cascade import resolve
from .commit_names import check_commit_tags
from .definition import Definition
from .discover import discover
from .dockerfiles.context import missing_sources
from .dockerfiles.uses import find_bases, rewrite_bases
from .graph import Edge, Names, UnknownBase, cycle_problem, order
from .keys import key_inputs, key_of
from .plan import Base, LockState, Plan, Target, target_id
from .selection import select
from .source import Source
from .strays import check_strays
from .tags import known_tags
from .templating.rendering import Rendered, render_all
from .told import once

_HINT = "`lockage plan` checks again without building anything"


def make_plan(
    source: Source,
    *,
    lock: Lock | None = None,
    only: Iterable[str] = (),
    platforms: Iterable[Platform] = (),
    snapshot_id: str | None = None,
    engine: str = "",
) -> Plan:
    """The plan of a catalogue. Pure: the same arguments give the same plan on any machine.

    `only` keeps targets by pattern with what they stand on (see `select`), `platforms` narrows each image's
    platforms, `engine` is the engine's version (an input of every key). Raises `ConfigError` with every
    problem of every file, `UsageError` for a pattern, platform or snapshot that fits nothing.
    """
    if snapshot_id is not None and not (snapshot_id and valid_tag(f"x-{snapshot_id}")):
        raise UsageError(f"{snapshot_id!r} cannot stand in a tag", hint="letters, digits, '_', '.' and '-'")
    found = discover(source)
    problems = found.problems
    definitions = resolve(source, found.images, problems)
    if not problems:  # a file that could not be read explains its folders
        check_strays(source, definitions, problems)
    project = found.project.value() if found.project else None
    default = project.platforms if project else ()
    if project:
        check_commit_tags(source, project, definitions, problems)
    rendered = render_all(source, definitions, default, tuple(platforms), problems)
    if problems or project is None:
        raise ConfigError(once(problems, [d.name for d in definitions]), hint=_HINT)
    plan = _assemble(source, project, rendered, lock, snapshot_id, engine)
    patterns = tuple(only)
    return select(plan, patterns) if patterns else plan


def _assemble(
    source: Source,
    project: Project,
    rendered: list[Rendered],
    lock: Lock | None,
    snapshot_id: str | None,
    engine: str,
) -> Plan:
    tags, aliases = known_tags(r.definition for r in rendered)
    platforms = {(r.definition.image, r.definition.tag): r.platforms for r in rendered}
    names = Names(tags, platforms, project.bases, lock)
    problems: list[Problem] = []
    targets = targets_of(source, project, rendered, names, aliases, problems, lock, snapshot_id)
    if problems:
        raise ConfigError(once(problems, [r.definition.name for r in rendered]), hint=_HINT)
    by_name = sorted(targets.values(), key=lambda t: (t.image, t.tag, t.platform.slug))
    ids, cycles = order({t.id: t.internal_bases for t in by_name})
    if cycles:
        raise ConfigError(
            list(dict.fromkeys(_cycle(source, c, targets, rendered) for c in cycles)), hint=_HINT
        )
    keys: dict[str, str] = {}
    made = []
    for identity in ids:
        target = targets[identity]
        inputs = key_inputs(target, keys, engine=engine)
        if inputs is not None:
            keys[identity] = key_of(inputs)
            target = replace(target, key=keys[identity])
        made.append(target)
    return finished(project, tuple(made), lock, snapshot_id, source)


def finished(
    project: Project, targets: tuple[Target, ...], lock: Lock | None, snapshot_id: str | None, source: Source
) -> Plan:
    """The plan of targets that are in order and have their keys."""
    tools = {name: _pinned(ref, lock) for name, ref in project.tools.all().items()}
    bases = [r for t in targets for r in t.external_bases]
    unlocked = tuple(dict.fromkeys(r for r in (*bases, *tools.values()) if r.digest is None))
    state: LockState = "none" if lock is None else "partial" if unlocked else "complete"
    return Plan(project, targets, state, unlocked, snapshot_id, MappingProxyType(tools), source=source)


def targets_of(
    source: Source,
    project: Project,
    rendered: Iterable[Rendered],
    names: Names,
    aliases: Mapping[tuple[str, str], tuple[str, ...]],
    problems: list[Problem],
    lock: Lock | None = None,
    snapshot_id: str | None = None,
) -> dict[str, Target]:
    """Every platform of every rendered tag as a target by id, without a key; problems are appended."""
    targets: dict[str, Target] = {}
    for item in rendered:
        _check_sources(source, item, problems)
        for platform in item.platforms:
            edges, warnings = _edges(source, item, platform, names, problems)
            target = _target(project, item, platform, edges, warnings, aliases, snapshot_id, lock)
            targets[target.id] = target
    return targets


def _edges(
    source: Source, item: Rendered, platform: Platform, names: Names, problems: list[Problem]
) -> tuple[list[Edge], tuple[str, ...]]:
    if item.definition.external is not None:
        return [], ()
    name = item.definition.name
    uses = find_bases(item.dockerfile, platform)
    for line, message in uses.problems:
        where, at = item.place(source, line)
        problems.append(Problem(where, at, 1, "FROM", f"{message} ({name})"))
    edges = []
    for use in uses.bases:
        try:
            edges.append(names.resolve(use, platform))
        except UnknownBase as error:
            where, at = item.place(source, use.line)
            message = f"{error.message} ({name})"
            problems.append(Problem(where, at, 1, use.instruction, message, error.suggestion))
    warnings = item.warnings
    if uses.stages > 1 and item.injected:
        warnings += (
            "rootfs/ is copied into the first stage of several; write COPY rootfs/ / where it belongs",
        )
    return edges, warnings


def _check_sources(source: Source, item: Rendered, problems: list[Problem]) -> None:
    for line, instruction, name in missing_sources(item.dockerfile, item.rootfs):
        where, at = item.place(source, line)
        message = f"{name} is not in the build context ({item.definition.name})"
        folder = item.definition.folders[-1]
        problems.append(
            Problem(where, at, 1, instruction, message, f"only rootfs/ is: put it into {folder}/rootfs/")
        )


def _target(
    project: Project,
    item: Rendered,
    platform: Platform,
    edges: list[Edge],
    warnings: tuple[str, ...],
    aliases: Mapping[tuple[str, str], tuple[str, ...]],
    snapshot_id: str | None,
    lock: Lock | None,
) -> Target:
    d = item.definition
    bases, moved = [], {}
    for edge in edges:
        name = edge.use.name
        if edge.node is None:
            bases.append(Base("external", name, edge.use.line, None, edge.reference, edge.use.platform))
            continue
        image, tag, on = edge.node
        if snapshot_id:
            moved[name] = f"{image}:{tag}-{snapshot_id}"
            name = moved[name]
        identity = target_id(image, tag, on)
        bases.append(Base("internal", name, edge.use.line, identity, None, edge.use.platform))
    text = rewrite_bases(item.dockerfile, platform, moved) if moved else item.dockerfile
    tags = (f"{d.tag}-{snapshot_id}",) if snapshot_id else (d.tag, *aliases.get((d.image, d.tag), ()))
    return Target(
        id=target_id(d.image, d.tag, platform),
        image=d.image,
        tag=d.tag,
        base_tag=d.base_tag,
        variant=d.variant,
        platform=platform,
        tags=tags,
        bases=tuple(dict.fromkeys(bases)),
        dockerfile=text,
        test=item.test,
        rootfs=item.rootfs.entries,
        labels=MappingProxyType({} if d.external else _labels(project, d)),
        key=None,
        gates=d.gates.over(project.policy) if d.gates else project.policy,
        warnings=warnings,
        template=item.template,
        test_template=item.test_template,
        title=d.title,
        description=d.description,
        external=_pinned(d.external, lock) if d.external else None,
    )


def _labels(project: Project, definition: Definition) -> dict[str, str]:
    """Labels that are the same from commit to commit (OCI image-spec v1.1, annotations.md)."""
    oci = "org.opencontainers.image"
    out = {f"{oci}.title": definition.title or definition.image, f"{oci}.version": definition.tag}
    if definition.description:
        out[f"{oci}.description"] = definition.description
    if project.source:
        out[f"{oci}.source"] = project.source
    return dict(sorted((out | dict(definition.labels)).items()))


def _pinned(reference: Reference, lock: Lock | None) -> Reference:
    digest = lock.digest(reference) if lock else None
    return reference.pinned(digest) if digest else reference


def _cycle(
    source: Source, cycle: tuple[str, ...], targets: Mapping[str, Target], rendered: list[Rendered]
) -> Problem:
    last = targets[cycle[-2]]
    line = next((b.line for b in last.bases if b.target_id == cycle[-1]), 1)
    item = next(r for r in rendered if r.definition.name == last.name)
    where, at = item.place(source, line)
    return cycle_problem(tuple(targets[i].name for i in cycle), where, at)
