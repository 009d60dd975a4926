"""Turn rendered tags into targets: bases resolved, labels and arguments merged, Dockerfiles checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from types import MappingProxyType

from pipeline.catalogue.context_folders import read_folders
from pipeline.catalogue.definition import Definition, Mention
from pipeline.catalogue.image_check import ImageCheck
from pipeline.catalogue.known_tags import Aliases
from pipeline.catalogue.named_contexts import IMAGE, NamedContext, kind_of
from pipeline.catalogue.source import Source
from pipeline.catalogue.templating.rendering import Rendered
from pipeline.config import Lock, Project
from pipeline.dockerfile.base_uses import BaseUse
from pipeline.dockerfile.bases import context_name, find_bases, rewrite_bases
from pipeline.dockerfile.frontend import find_syntax
from pipeline.errors import Problem
from pipeline.model import Platform, Reference
from pipeline.model.gates import PolicyDocuments
from pipeline.util.dataclass import dataclass

from .checks.onbuild import check_onbuild
from .checks.requests import check_requests
from .checks.tests import check_tests
from .checks.texts import check_sources, overridden_labels, undeclared_arguments, unpinned_addresses
from .graph import Edge, Names, UnknownBase
from .image_checks import checks_of
from .plan import Base, Target, target_id

_NO_ARGUMENTS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class PlanInputs:
    """The inputs that all targets of a plan share."""

    source: Source
    project: Project
    names: Names
    aliases: Aliases
    lock: Lock | None = None
    snapshot_id: str | None = None
    documents: PolicyDocuments = field(default_factory=PolicyDocuments)
    valid_tests: frozenset[str] = frozenset()  # of another plan


@dataclass(frozen=True, slots=True)
class _Tag:
    """A rendered tag with the values that all its platforms share."""

    item: Rendered
    arguments: Mapping[str, str]
    syntax: Reference | None
    folders: Mapping[str, NamedContext]
    warnings: tuple[str, ...]
    checks: tuple[ImageCheck, ...] = ()


def targets_of(
    inputs: PlanInputs, rendered: Iterable[Rendered], problems: list[Problem]
) -> dict[str, Target]:
    """Every platform of every rendered tag as a target by id, without a key; problems are appended."""
    targets: dict[str, Target] = {}
    for item in rendered:
        tag = _tag(inputs, item, problems)
        for platform in item.platforms:
            target = _target(inputs, tag, platform, problems)
            targets[target.id] = target
    return targets


def _tag(inputs: PlanInputs, item: Rendered, problems: list[Problem]) -> _Tag:
    source = inputs.source
    check_sources(source, item, problems)
    warnings = (
        *undeclared_arguments(item),
        *unpinned_addresses(source, item),
        *check_requests(source, item, inputs.project, problems),
        *check_onbuild(source, item, inputs.names, problems),
        *check_tests(source, item, inputs.valid_tests, problems),
    )
    syntax = _frontend(inputs, item, problems)
    folders = read_folders(source, item.definition, problems)
    checks = checks_of(source, inputs.names, item.definition, problems)
    return _Tag(item, _arguments(inputs.project, item.definition), syntax, folders, warnings, checks)


def _target(inputs: PlanInputs, tag: _Tag, platform: Platform, problems: list[Problem]) -> Target:
    item, project, snapshot_id = tag.item, inputs.project, inputs.snapshot_id
    d = item.definition
    edges, warnings = _edges(inputs, tag, platform, problems)
    bases, renamed = _bases(edges, snapshot_id)
    dockerfile = item.dockerfile
    if renamed:
        dockerfile = rewrite_bases(dockerfile, platform, renamed, tag.arguments, d.contexts)
    overridden = overridden_labels(inputs.source, item, platform, tag.arguments)
    tags = (f"{d.tag}-{snapshot_id}",) if snapshot_id else (d.tag, *inputs.aliases.get((d.image, d.tag), ()))
    return Target(
        id=target_id(d.image, d.tag, platform),
        image=d.image,
        tag=d.tag,
        base_tag=d.base_tag,
        variant=d.variant,
        platform=platform,
        tags=tags,
        bases=bases,
        dockerfile=dockerfile,
        test=item.test,
        rootfs=item.rootfs.entries,
        labels=MappingProxyType({} if d.external else _labels(project, d)),
        key=None,
        gates=d.gates.over(project.policy, inputs.documents) if d.gates else project.policy,
        warnings=(*warnings, *tag.warnings, *overridden),
        template=item.template,
        test_template=item.test_template,
        title=d.title,
        description=d.description,
        external=pinned(d.external, inputs.lock) if d.external else None,
        syntax=tag.syntax,
        arguments=tag.arguments,
        contexts=_contexts(inputs.names, tag, platform, problems) if d.contexts else (),
        secrets=_sorted_names(d.secrets),
        ssh=_sorted_names(d.ssh),
        entitlements=() if d.external else project.entitlements.get(d.image, ()),
        checks=tag.checks,
    )


def _edges(
    inputs: PlanInputs, tag: _Tag, platform: Platform, problems: list[Problem]
) -> tuple[list[Edge], tuple[str, ...]]:
    """The resolved edge of each use of an image, and warnings."""
    item, source = tag.item, inputs.source
    if item.definition.external is not None:
        return [], ()
    contexts = item.definition.contexts
    uses = find_bases(item.dockerfile, platform, tag.arguments, contexts)
    key = uses.faulty or "FROM"
    problems += [item.problem(source, line, key, message) for line, message in uses.problems]
    edges = []
    for use in uses.bases:
        try:
            edges.append(inputs.names.resolve(use, platform))
        except UnknownBase as error:
            path, line = item.template_line(source, use.line)
            subject = item.definition.name
            problems.append(
                Problem(path, line, 1, use.instruction, error.message, error.suggestion, subject, error.name)
            )
    warnings = list(item.warnings)
    for name, context in contexts.items():
        if name not in uses.contexts:
            message = "no FROM, COPY --from or RUN --mount of the Dockerfile names this"
            warnings.append(str(context.position.problem(message)))
    if uses.stages > 1 and item.injected:
        warnings.append(
            "rootfs/ is copied into the first stage of several; write COPY rootfs/ / where it belongs"
        )
    return edges, tuple(warnings)


def _bases(edges: Iterable[Edge], snapshot_id: str | None) -> tuple[tuple[Base, ...], dict[str, str]]:
    """The bases of a target, and the snapshot's names of internal ones, by the names in the Dockerfile."""
    bases: list[Base] = []
    renamed: dict[str, str] = {}
    for edge in edges:
        name, line, platform = edge.use.name, edge.use.line, edge.use.platform
        if edge.node is None:
            bases.append(Base("external", name, line, None, edge.reference, platform))
            continue
        if snapshot_id:
            image, tag, _ = edge.node
            renamed[name] = f"{image}:{tag}-{snapshot_id}"
            name = renamed[name]
        bases.append(Base("internal", name, line, target_id(*edge.node), None, platform))
    return tuple(dict.fromkeys(bases)), renamed


def _arguments(project: Project, definition: Definition) -> Mapping[str, str]:
    """The project's build arguments, overridden by the image's."""
    if definition.external is not None:
        return _NO_ARGUMENTS
    own = {name: argument.value for name, argument in definition.arguments.items()}
    return MappingProxyType(dict(sorted({**project.arguments, **own}.items())))


def _contexts(
    names: Names, tag: _Tag, platform: Platform, problems: list[Problem]
) -> tuple[NamedContext, ...]:
    """The named contexts of a target, by name."""
    definition = tag.item.definition
    uses = find_bases(tag.item.dockerfile, platform, tag.arguments, definition.contexts).replaced
    with_platform = {context_name(use.name) for use in uses if use.platform or use.on_build_platform}
    contexts: list[NamedContext] = []
    for name, placed in sorted(definition.contexts.items()):
        kind = kind_of(placed.value)
        if kind == "folder":
            contexts += [tag.folders[name]] if name in tag.folders else []
            continue
        if kind == "url":
            contexts.append(NamedContext(name, kind, placed.value))
            continue
        image = placed.value.removeprefix(IMAGE)
        try:
            edge = names.resolve(BaseUse(image, 0, 0, 0, "contexts"), platform)
            if edge.node and name in with_platform:
                raise UnknownBase(
                    image, f"{image} is made here, and FROM --platform asks for another platform of it"
                )
        except UnknownBase as error:
            subject = definition.name
            problems.append(placed.position.problem(error.message, error.suggestion, subject=subject))
            continue
        identity = target_id(*edge.node) if edge.node else None
        contexts.append(NamedContext(name, kind, placed.value, edge.reference, identity))
    return tuple(contexts)


def _frontend(inputs: PlanInputs, item: Rendered, problems: list[Problem]) -> Reference | None:
    syntax = find_syntax(item.dockerfile)
    if syntax is None:
        return None
    try:
        return inputs.names.frontend(syntax.name)
    except UnknownBase as error:
        problems.append(item.problem(inputs.source, syntax.line, "syntax", error.message, error.suggestion))
        return None


def _sorted_names(mentions: Iterable[Mention]) -> tuple[str, ...]:
    return tuple(sorted({mention.name for mention in mentions}))


def _labels(project: Project, definition: Definition) -> dict[str, str]:
    """Labels that do not depend on the commit (OCI image-spec v1.1, annotations.md)."""
    oci = "org.opencontainers.image"
    labels = {f"{oci}.title": definition.title or definition.image, f"{oci}.version": definition.tag}
    if definition.description:
        labels[f"{oci}.description"] = definition.description
    if project.source:
        labels[f"{oci}.source"] = project.source
    return dict(sorted((labels | dict(definition.labels)).items()))


def pinned(reference: Reference, lock: Lock | None) -> Reference:
    """The reference with its digest in the lock, if it has one there."""
    digest = lock.digest(reference) if lock else None
    return reference.pinned(digest) if digest else reference
