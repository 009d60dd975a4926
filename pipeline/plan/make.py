"""From a source to the plan: the steps of the catalogue in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from pipeline.catalogue.cascade import resolve
from pipeline.catalogue.commit_tags import check_commit_tags
from pipeline.catalogue.diagnostics import merge_by_subject
from pipeline.catalogue.discover import discover
from pipeline.catalogue.known_tags import known_tags
from pipeline.catalogue.source import Source
from pipeline.catalogue.templating.rendering import Rendered, render_all
from pipeline.catalogue.templating.templates import Renderer
from pipeline.catalogue.unused import check_unused_folders
from pipeline.config import Lock, Project
from pipeline.errors import ConfigError, Problem, UsageError
from pipeline.model import Platform, valid_tag
from pipeline.model.gates import PolicyDocuments

from .checks.loosened import check_loosened
from .checks.requests import check_entitlements
from .graph import Names, cycle_problem, order
from .keys import key_inputs, key_of
from .plan import LockState, Plan, Target
from .policy_documents import documents_of
from .selection import select
from .targets import PlanInputs, pinned, targets_of

if TYPE_CHECKING:
    from jinja2 import BytecodeCache

_HINT = "`lockage plan` checks again without building anything"


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
    if snapshot_id is not None and not (snapshot_id and valid_tag(f"x-{snapshot_id}")):
        raise UsageError(f"{snapshot_id!r} cannot stand in a tag", hint="letters, digits, '_', '.' and '-'")
    discovered = discover(source)
    problems = list(discovered.problems)
    definitions = resolve(source, discovered.images, problems)
    if not problems:  # a file that could not be read explains its folders
        check_unused_folders(source, definitions, problems)
    documents = documents_of(source, discovered, problems)
    project = discovered.project.value(documents) if discovered.project else None
    default = project.platforms if project else ()
    if project:
        check_commit_tags(source, project, definitions, problems)
        check_entitlements(source, project, definitions, problems)
        check_loosened(project, discovered.images, problems)
    rendered = render_all(
        Renderer(source, bytecode=bytecode), definitions, default, tuple(platforms), problems
    )
    if problems or project is None:
        raise ConfigError(merge_by_subject(problems), hint=_HINT)
    plan = _assemble(source, project, rendered, lock, snapshot_id, documents)
    patterns = tuple(only)
    return select(plan, patterns) if patterns else plan


def _assemble(
    source: Source,
    project: Project,
    rendered: list[Rendered],
    lock: Lock | None,
    snapshot_id: str | None,
    documents: PolicyDocuments,
) -> Plan:
    tags, aliases = known_tags(r.definition for r in rendered)
    platforms = {(r.definition.image, r.definition.tag): r.platforms for r in rendered}
    names = Names(tags, platforms, project.bases, lock)
    problems: list[Problem] = []
    inputs = PlanInputs(source, project, names, aliases, lock, snapshot_id, documents)
    targets = targets_of(inputs, rendered, problems)
    if problems:
        raise ConfigError(merge_by_subject(problems), hint=_HINT)
    by_name = sorted(targets.values(), key=lambda t: (t.image, t.tag, t.platform.slug))
    ids, cycles = order({t.id: t.internal_bases for t in by_name})
    if cycles:
        raise ConfigError(
            list(dict.fromkeys(_cycle(source, c, targets, rendered) for c in cycles)), hint=_HINT
        )
    keys: dict[str, str] = {}
    keyed = []
    for identity in ids:
        target = targets[identity]
        hashed = key_inputs(target, keys, builder=project.tools.builder)
        if hashed is not None:
            keys[identity] = key_of(hashed)
            target = replace(target, key=keys[identity])
        keyed.append(target)
    return _finished(project, tuple(keyed), lock, snapshot_id, source)


def _finished(
    project: Project, targets: tuple[Target, ...], lock: Lock | None, snapshot_id: str | None, source: Source
) -> Plan:
    policies = (project.policy, *(target.gates for target in targets))
    grype = any("grype" in gates.vulnerabilities.scanners for gates in policies)
    tools = {name: pinned(ref, lock) for name, ref in project.images(grype=grype).items()}
    bases = [r for t in targets for r in t.external_bases]
    unlocked = tuple(dict.fromkeys(r for r in (*bases, *tools.values()) if r.digest is None))
    state: LockState = "none" if lock is None else "partial" if unlocked else "complete"
    return Plan(project, targets, state, unlocked, snapshot_id, MappingProxyType(tools), source=source)


def _cycle(
    source: Source, cycle: tuple[str, ...], targets: Mapping[str, Target], rendered: list[Rendered]
) -> Problem:
    last = targets[cycle[-2]]
    line = next((b.line for b in last.bases if b.target_id == cycle[-1]), 1)
    item = next(r for r in rendered if r.definition.name == last.name)
    path, number = item.template_line(source, line)
    return cycle_problem(tuple(targets[i].name for i in cycle), path, number)
