"""Rendered tags to targets: bases looked up, labels and arguments put together, what a Dockerfile asks checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from pipeline.catalogue.context_folders import read_folders
from pipeline.catalogue.definition import Definition, Mention
from pipeline.catalogue.named_contexts import IMAGE, NamedContext, kind_of
from pipeline.catalogue.source import Source
from pipeline.catalogue.templating.rendering import Rendered
from pipeline.config import Lock, Project
from pipeline.dockerfile.arguments import declared_arguments
from pipeline.dockerfile.bases import BaseUse, context_name, find_bases, rewrite_bases
from pipeline.dockerfile.frontend import find_syntax
from pipeline.dockerfile.labels import labels_of
from pipeline.dockerfile.remote import is_pinned
from pipeline.errors import Problem
from pipeline.model import Platform, Reference
from pipeline.util.suggest import did_you_mean

from .copy_sources import missing_sources, moving_sources
from .graph import Edge, Names, UnknownBase
from .mount_checks import check_requests
from .onbuild import check_onbuild
from .plan import Base, Target, target_id


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
        arguments = _arguments(project, item.definition)
        notes = (
            *_undeclared(item),
            *_moving(source, item),
            *check_requests(source, item, project, problems),
            *check_onbuild(source, item, names, problems),
        )
        syntax = _frontend(source, item, names, problems)
        folders = read_folders(source, item.definition, problems)
        for platform in item.platforms:
            edges, warnings = _edges(source, item, platform, arguments, names, problems)
            told = (*warnings, *notes, *_overruled(source, item, platform, arguments))
            target = _target(project, item, platform, arguments, edges, told, aliases, snapshot_id, lock)
            if syntax or item.definition.contexts:
                contexts = _contexts(item, platform, arguments, folders, names, problems)
                target = replace(target, syntax=syntax, contexts=contexts)
            targets[target.id] = target
    return targets


def _edges(
    source: Source,
    item: Rendered,
    platform: Platform,
    arguments: Mapping[str, str],
    names: Names,
    problems: list[Problem],
) -> tuple[list[Edge], tuple[str, ...]]:
    if item.definition.external is not None:
        return [], ()
    name = item.definition.name
    contexts = item.definition.contexts
    uses = find_bases(item.dockerfile, platform, arguments, contexts)
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
    warnings += tuple(
        str(contexts[key].place.problem("no FROM, COPY --from or RUN --mount of the Dockerfile names this"))
        for key in contexts
        if key not in uses.contexts
    )
    if uses.stages > 1 and item.injected:
        warnings += (
            "rootfs/ is copied into the first stage of several; write COPY rootfs/ / where it belongs",
        )
    return edges, warnings


# proxies need no ARG
_PREDEFINED = frozenset(f"{kind}_PROXY" for kind in ("HTTP", "HTTPS", "FTP", "NO", "ALL"))


def _arguments(project: Project, definition: Definition) -> Mapping[str, str]:
    """The project's, and the image's over them."""
    if definition.external is not None:
        return MappingProxyType({})
    own = {name: argument.value for name, argument in definition.arguments.items()}
    return MappingProxyType(dict(sorted({**project.arguments, **own}.items())))


def _contexts(
    item: Rendered,
    platform: Platform,
    arguments: Mapping[str, str],
    folders: Mapping[str, NamedContext],
    names: Names,
    problems: list[Problem],
) -> tuple[NamedContext, ...]:
    """The named contexts of a target, by name."""
    definition = item.definition
    uses = find_bases(item.dockerfile, platform, arguments, definition.contexts).replaced
    elsewhere = {context_name(use.name) for use in uses if use.platform or use.on_build_platform}
    out = []
    for name, said in sorted(definition.contexts.items()):
        kind = kind_of(said.value)
        if kind != "image":
            found = folders.get(name) if kind == "folder" else NamedContext(name, kind, said.value)
            out += [found] if found else []
            continue
        image = said.value.removeprefix(IMAGE)
        try:
            edge = names.resolve(BaseUse(image, 0, 0, 0, "contexts"), platform)
            if edge.node and name in elsewhere:
                raise UnknownBase(
                    f"{image} is made here, and FROM --platform asks for another platform of it"
                )
        except UnknownBase as error:
            message = f"{error.message} ({definition.name})"
            problems.append(said.place.problem(message, error.suggestion))
            continue
        identity = target_id(*edge.node) if edge.node else None
        out.append(NamedContext(name, kind, said.value, edge.reference, identity))
    return tuple(out)


def _frontend(source: Source, item: Rendered, names: Names, problems: list[Problem]) -> Reference | None:
    found = find_syntax(item.dockerfile)
    if found is None:
        return None
    try:
        return names.frontend(found.name)
    except UnknownBase as error:
        where, line = item.place(source, found.line)
        message = f"{error.message} ({item.definition.name})"
        problems.append(Problem(where, line, 1, "syntax", message, error.suggestion))
        return None


def _overruled(
    source: Source, item: Rendered, platform: Platform, arguments: Mapping[str, str]
) -> Iterator[str]:
    """A warning for each label of image.yml that the Dockerfile sets to something else: the Dockerfile wins."""
    own = item.definition.labels
    if not own or item.definition.external is not None:
        return
    for key, label in labels_of(item.dockerfile, platform, arguments, item.definition.contexts).items():
        if key in own and label.value != own[key]:
            where, line = item.place(source, label.line)
            value = "another value" if label.value is None else repr(label.value)
            message = f"{key} is {value} here, which wins over {own[key]!r} in image.yml"
            yield str(Problem(where, line, 1, "LABEL", message))


def _undeclared(item: Rendered) -> tuple[str, ...]:
    """A warning for each of the image's own arguments that no ARG takes."""
    own = item.definition.arguments
    if not own or item.definition.external is not None:
        return ()
    declared = declared_arguments(item.dockerfile)
    return tuple(
        str(own[name].place.problem("no ARG of the Dockerfile has this name", did_you_mean(name, declared)))
        for name in own
        if name not in declared and name.upper() not in _PREDEFINED
    )


def _moving(source: Source, item: Rendered) -> Iterator[str]:
    """A warning for each address, of ADD or of a context, where something else may be tomorrow."""
    unseen = "the key cannot see it change"
    for number, address, remedy in moving_sources(item.dockerfile):
        where, line = item.place(source, number)
        yield str(Problem(where, line, 1, "ADD", f"{address}: {unseen}", remedy))
    for said in item.definition.contexts.values():
        if kind_of(said.value) == "url" and not is_pinned(said.value):
            yield str(said.place.problem(unseen, "name a whole commit: #COMMIT or ?checksum=COMMIT"))


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
    arguments: Mapping[str, str],
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
    text = (
        rewrite_bases(item.dockerfile, platform, moved, arguments, d.contexts) if moved else item.dockerfile
    )
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
        external=pinned(d.external, lock) if d.external else None,
        arguments=arguments,
        secrets=_names(d.secrets),
        ssh=_names(d.ssh),
        entitlements=() if d.external else project.entitlements.get(d.image, ()),
    )


def _names(mentions: tuple[Mention, ...]) -> tuple[str, ...]:
    return tuple(sorted({mention.name for mention in mentions}))


def _labels(project: Project, definition: Definition) -> dict[str, str]:
    """Labels that are the same from commit to commit (OCI image-spec v1.1, annotations.md)."""
    oci = "org.opencontainers.image"
    out = {f"{oci}.title": definition.title or definition.image, f"{oci}.version": definition.tag}
    if definition.description:
        out[f"{oci}.description"] = definition.description
    if project.source:
        out[f"{oci}.source"] = project.source
    return dict(sorted((out | dict(definition.labels)).items()))


def pinned(reference: Reference, lock: Lock | None) -> Reference:
    """The reference with the digest that the lock has for it."""
    digest = lock.digest(reference) if lock else None
    return reference.pinned(digest) if digest else reference
