"""The part of the earlier catalogue that a change can affect: its targets, and the names available to FROM."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import field

from pipeline.catalogue.definition import Definition
from pipeline.catalogue.known_tags import known_tags
from pipeline.catalogue.source import IMAGES, PROJECT_NAME, ROOTFS, Source
from pipeline.catalogue.templating.includes import readers
from pipeline.catalogue.templating.rendering import Rendered, render_all
from pipeline.catalogue.templating.templates import Renderer
from pipeline.config import Lock, Project
from pipeline.errors import Problem
from pipeline.model.gates import PolicyDocuments
from pipeline.util.dataclass import dataclass

from ..cache.definitions import state_of
from ..graph import Names
from ..plan import Plan, Target
from ..policy_documents import documents_of
from ..targets import PlanInputs, targets_of
from .attribution import by_folder
from .reverted import part

Name = tuple[str, str]  # image and tag

# Fields of lockage.yml that are part of every target.
_IN_EVERY_TARGET = ("platforms", "source", "policy", "arguments")


class PreviousUnreadable(Exception):
    """The earlier lockage.yml cannot be read; the message says why."""


@dataclass(frozen=True)
class PreviousCatalogue:
    """The earlier state of everything that may have changed. `unread` maps folders of images/ that could not be
    read in that state to the reason."""

    project: Project
    names: Names
    targets: Mapping[str, Target] = field(default_factory=dict)
    definitions: Mapping[Name, Definition] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)
    images: frozenset[str] = frozenset()  # images whose tags may have been different


def reached(source: Source, paths: Iterable[str]) -> frozenset[str]:
    """Names of the folders of images/ that contain changed paths, or whose templates read them."""
    named = tuple(paths)
    texts = [path for path in named if ROOTFS not in path.split("/")[:-1]]
    return frozenset((*by_folder(named), *(by_folder(readers(source, texts)) if texts else ())))


def defined(plan: Plan, folders: Collection[str]) -> Mapping[Name, Definition]:
    """The definitions in some folders of a plan's source, by image and tag; problems are left to the plan."""
    assert plan.source is not None
    definitions, others = _stored(plan, plan.source, folders)
    all_definitions = [d for of_folder in definitions.values() for d in of_folder]
    if others:
        from pipeline.catalogue.cascade import resolve
        from pipeline.catalogue.discover import discover_images

        all_definitions += resolve(plan.source, discover_images(part(plan.source, others)).images, [])
    return {(d.image, d.tag): d for d in all_definitions}


def _stored(
    plan: Plan, source: Source, names: Collection[str]
) -> tuple[dict[str, tuple[Definition, ...]], frozenset[str]]:
    """The definitions of folders of images/ whose image.yml say what they say in the plan, by folder; and the names of
    the others, which have to be read."""
    definitions_of: dict[str, tuple[Definition, ...]] = {}
    others: set[str] = set()
    for name in sorted(names):
        folder = f"{IMAGES}/{name}"
        stored = plan.definitions.get(folder)
        if stored and stored.state == state_of(source, folder):
            definitions_of[folder] = stored.read(source)
        else:
            others.add(name)
    return definitions_of, frozenset(others)


def project_of(plan: Plan, earlier: Source) -> Project:
    """The earlier lockage.yml. Raises `PreviousUnreadable`."""
    now = plan.source.get(PROJECT_NAME) if plan.source else None
    if (
        now is not None
        and now.content == earlier.files[PROJECT_NAME].content
        and not _rewritten(plan, earlier)
    ):
        return plan.project
    from pipeline.catalogue.discover import discover

    discovered = discover(Source({PROJECT_NAME: earlier.files[PROJECT_NAME]}))
    if discovered.project is None:
        raise PreviousUnreadable(next(str(p) for p in discovered.problems if p.path == PROJECT_NAME))
    return discovered.project.value(documents_of(earlier, discovered, []))


def _rewritten(plan: Plan, earlier: Source) -> bool:
    """Whether a file that the project's policy names was another."""
    gate = plan.project.policy.vulnerabilities
    named = {k.file: k.digest for k in gate.known_exploited} | {v.origin: v.digest for v in gate.vex}
    return any(
        (entry := earlier.get(file)) is None or entry.digest != digest.hex for file, digest in named.items()
    )


def in_question(plan: Plan, earlier: Source, project: Project, paths: Iterable[str]) -> frozenset[str]:
    """The folders of images/ whose targets may have changed: all if a field of lockage.yml changed that is part of
    every target, otherwise those that the changed paths can affect."""
    assert plan.source is not None
    if any(getattr(project, key) != getattr(plan.project, key) for key in _IN_EVERY_TARGET):
        return frozenset((*earlier.children(IMAGES), *plan.source.children(IMAGES)))
    return reached(plan.source, paths)


def read_past(
    plan: Plan,
    now: Mapping[Name, Definition],
    earlier: Source,
    project: Project,
    folders: Collection[str],
    lock: Lock | None,
) -> PreviousCatalogue:
    """The earlier state of some folders of a plan's catalogue; `now` are the current definitions, `project` and
    `lock` are the earlier ones."""
    definitions, others = _stored(plan, earlier, folders)
    resolved_folders = {folder: _Resolved(of_folder, []) for folder, of_folder in definitions.items()}
    unread: dict[str, str] = {}
    documents = _read_models(earlier, others, resolved_folders, unread) if others else PolicyDocuments()
    renderer = Renderer(earlier)
    rendered: dict[str, list[Rendered]] = {}
    for folder, resolved in sorted(resolved_folders.items()):
        problems = resolved.problems
        items = render_all(renderer, resolved.definitions, project.platforms, (), problems)
        if problems:
            unread.setdefault(folder, str(problems[0]))
        elif folder not in unread:
            rendered[folder] = items
    names, aliases = _names(plan, now, rendered, unread, project, lock)
    tests = frozenset(target.test for target in plan.targets if target.test)
    targets: dict[str, Target] = {}
    for folder, items in tuple(rendered.items()):
        problems = []
        folder_targets = targets_of(
            PlanInputs(earlier, project, names, aliases, lock, documents=documents, valid_tests=tests),
            items,
            problems,
        )
        if problems:
            unread[folder] = str(problems[0])
            del rendered[folder]
        else:
            targets |= folder_targets
    readable = {
        (r.definition.image, r.definition.tag): r.definition for items in rendered.values() for r in items
    }
    touched = frozenset(image for image, _ in (*now, *readable))
    return PreviousCatalogue(project, names, targets, readable, unread, touched)


@dataclass(frozen=True, slots=True)
class _Resolved:
    """The earlier definitions of a folder, and their problems."""

    definitions: tuple[Definition, ...]
    problems: list[Problem]


def _read_models(
    earlier: Source, names: Collection[str], resolved_folders: dict[str, _Resolved], unread: dict[str, str]
) -> PolicyDocuments:
    """Read folders of images/ into `found` and `unread`; the documents that their gates name."""
    from pipeline.catalogue.cascade import resolve
    from pipeline.catalogue.discover import discover_images

    discovered = discover_images(part(earlier, names))
    for problem in discovered.problems:
        unread.setdefault(_folder(problem.path), str(problem))
    for image in discovered.images:
        problems: list[Problem] = []
        resolved_folders[image.folder] = _Resolved(resolve(earlier, (image,), problems), problems)
    return documents_of(earlier, discovered, [])


def _folder(path: str) -> str:
    return "/".join(path.split("/")[:2])


def _names(
    plan: Plan,
    now: Mapping[Name, Definition],
    rendered: Mapping[str, list[Rendered]],
    unread: Mapping[str, str],
    project: Project,
    lock: Lock | None,
) -> tuple[Names, dict[Name, tuple[str, ...]]]:
    """The names available to FROM: the earlier tags of these images, the current ones of all others."""
    items = [item for of_folder in rendered.values() for item in of_folder]
    tags, aliases = known_tags(item.definition for item in items)
    platforms = {(item.definition.image, item.definition.tag): item.platforms for item in items}
    again = {d.image for d in now.values() if d.folders[0] not in unread}
    for target in plan.targets:
        if target.image not in again:
            tags.setdefault(target.image, {}).update(dict.fromkeys(target.tags, target.tag))
            key = (target.image, target.tag)
            platforms[key] = (*platforms.get(key, ()), target.platform)
    return Names(tags, platforms, project.bases, lock), aliases
