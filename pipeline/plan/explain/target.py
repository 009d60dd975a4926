"""The origin of each value of a target: file, line and column, and the values it overrides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipeline.catalogue.aliases import read_version
from pipeline.catalogue.definition import Definition, Position
from pipeline.catalogue.source import Source
from pipeline.catalogue.templating.lines import template_line
from pipeline.catalogue.templating.rendering import plain_dockerfile
from pipeline.config import LOCK_NAME, Strategy
from pipeline.dockerfile.frontend import find_syntax
from pipeline.model import Reference

from ..changes.comparison import untagged
from ..changes.key_difference import input_digests, inputs_of
from ..plan import Base, Plan, Target
from .gates import explain_gates
from .levels import Levels, LevelValue, Location, levels_of
from .origin import COMPUTED, DEFAULT, Explained, LocatedProject, last
from .templates import explain_templates

_OCI = "org.opencontainers.image"


def explain_target(plan: Plan, target_id: str, *, lock: str = LOCK_NAME) -> tuple[Explained, ...]:
    """Every value of a target with its location, in the order of a plan's fields.

    `lock` is the name of the lock in force. Pure; one image is read again. Raises KeyError for an unknown id,
    ValueError for a plan without a source.
    """
    target = plan.by_id[target_id]
    if plan.source is None:
        raise ValueError("a plan that knows its source")
    levels, definitions = levels_of(plan.source, target)
    project = LocatedProject(plan.source)
    return (
        *_identity(target, levels),
        *_names(plan, target, levels, definitions),
        *_platform(target, levels, project),
        *explain_templates(plan.source, target, levels),
        *_merged(levels, "versions"),
        *_merged(levels, "variables"),
        *_arguments(target, levels, project),
        *_contexts(target, levels, lock),
        *_credentials(target, levels),
        *_labels(target, levels, project),
        *_rootfs(target, levels),
        *_bases(plan, plan.source, target, levels, lock),
        *explain_gates(target, levels, project),
        *_key(plan, target),
    )


def _identity(target: Target, levels: Levels) -> Iterator[Explained]:
    d = levels.definition
    location = levels.location(d.position)
    yield Explained("id", target.id, location, "image, tag and platform")
    named = [f for f in (levels.image.image, *levels.image.versions) if f and f.file.name]
    if named:
        yield Explained("image", d.image, levels.location(Position(named[0].document, ("name",))))
    else:
        yield Explained("image", d.image, Location(levels.image.folder), "the folder's name")
    yield Explained("tag", d.tag, location, "the tag and the variant's suffix" if d.variant else None)
    if d.variant:
        yield last("variant", levels.variants(), d.variant)
        yield last("suffix", levels.single("suffix"), d.suffix, "- and the variant's name")


def _names(
    plan: Plan, target: Target, levels: Levels, definitions: tuple[Definition, ...]
) -> Iterator[Explained]:
    d = levels.definition
    yield last("version_strategy", levels.of_image("version_strategy"), d.strategy)
    if values := levels.of_image("aliases"):
        yield last("aliases", values, d.automatic)
    location = levels.location(d.position)
    for name in target.tags:
        if plan.snapshot_id is not None:
            yield Explained(f"tags.{name}", name, location, f"the tag of the snapshot {plan.snapshot_id}")
        elif name == d.tag:
            yield Explained(f"tags.{name}", name, location, "the tag itself")
        elif name in d.aliases:
            listed = (*d.position.path, "aliases", d.aliases.index(name))
            yield Explained(
                f"tags.{name}", name, levels.location(Position(d.position.document, listed)), "a listed alias"
            )
        else:
            yield Explained(f"tags.{name}", name, location, _automatic(name, d, definitions))


def _automatic(name: str, definition: Definition, definitions: tuple[Definition, ...]) -> str:
    alias = name.removesuffix(definition.suffix)
    strategy: Strategy = definition.strategy
    of_variant = (d for d in definitions if (d.variant, d.suffix) == (definition.variant, definition.suffix))
    taking_part = [
        d.base_tag
        for d in of_variant
        if d.automatic and (v := read_version(d.base_tag, strategy)) and alias in v.prefixes
    ]
    return f"automatic: the highest of {', '.join(taking_part)} by {strategy}"


def _platform(target: Target, levels: Levels, project: LocatedProject) -> Iterator[Explained]:
    """Where the platform is listed: its own entry, or the lists that override it."""
    values: list[LevelValue] = []
    known = project.model.platforms
    if target.platform in known:
        number = known.index(target.platform)
        values += project.located(str(target.platform), "platforms", number)
    else:
        values += project.located([str(p) for p in known], "platforms")
    for file in levels.of_files("platforms", lambda image: image.platforms):
        if target.platform in file.value:
            position = file.position.below(file.value.index(target.platform))
            values.append(LevelValue(str(target.platform), levels.location(position)))
        else:
            values.append(LevelValue([str(p) for p in file.value], levels.location(file.position)))
    yield last("platform", values, str(target.platform))


def _merged(levels: Levels, key: str) -> Iterator[Explained]:
    for name, values in levels.merged(key).items():
        yield last(f"{key}.{name}", values, None)


def _arguments(target: Target, levels: Levels, project: LocatedProject) -> Iterator[Explained]:
    own = levels.merged("args")
    for name, value in target.arguments.items():
        values = (*project.located(project.model.args.get(name), "args", name), *own.get(name, ()))
        yield last(f"args.{name}", values, value)


def _contexts(target: Target, levels: Levels, lock: str) -> Iterator[Explained]:
    values = levels.merged("contexts")
    for context in target.contexts:
        why = f"paths: {len(context.entries)}" if context.kind == "folder" else None
        value = context.target_id or context.source
        if context.reference is not None:
            value, why = str(context.reference), _pinned_as(context.image, context.reference, lock)
        origin = last(f"contexts.{context.name}", values[context.name], value)
        yield Explained(origin.key, value, origin.location, why, origin.overrides)


def _credentials(target: Target, levels: Levels) -> Iterator[Explained]:
    for key, mentions in (("secrets", levels.definition.secrets), ("ssh", levels.definition.ssh)):
        values: dict[str, list[LevelValue]] = {}
        for mention in mentions:
            values.setdefault(mention.name, []).append(
                LevelValue(mention.name, levels.location(mention.position))
            )
        for name in getattr(target, key):
            yield last(f"{key}.{name}", values[name], name)


def _labels(target: Target, levels: Levels, project: LocatedProject) -> Iterator[Explained]:
    d = levels.definition
    automatic: Mapping[str, tuple[tuple[LevelValue, ...], str]] = {
        f"{_OCI}.title": (levels.of_image("title"), "the image's name"),
        f"{_OCI}.version": ((LevelValue(d.tag, levels.location(d.position)),), ""),
        f"{_OCI}.description": (levels.of_image("description"), ""),
        f"{_OCI}.source": (project.located(project.model.source, "source"), ""),
    }
    own = levels.merged("labels")
    for name, value in target.labels.items():
        values, why = automatic.get(name, ((), ""))
        yield last(f"labels.{name}", (*values, *own.get(name, ())), value, why or None)


def _rootfs(target: Target, levels: Levels) -> Iterator[Explained]:
    if target.external is not None:
        return
    yield last("rootfs_user", levels.single("rootfs_user"), "0:0")
    yield last("rootfs_copy", levels.single("rootfs_copy"), True)
    if target.rootfs:
        counts: dict[str, int] = {}
        for entry in target.rootfs:
            layer = entry.origin.removesuffix(f"/{entry.path}")
            counts[layer] = counts.get(layer, 0) + 1
        layers = ", ".join(f"{count} of {layer}/" for layer, count in counts.items())
        yield Explained(
            "rootfs", len(target.rootfs), COMPUTED, f"paths: {layers}; --explain-path tells of one"
        )


def _bases(plan: Plan, source: Source, target: Target, levels: Levels, lock: str) -> Iterator[Explained]:
    if target.external is not None:
        d = levels.definition
        location = levels.location(Position(d.position.document, (*d.position.path, "external")))
        yield Explained("external", str(target.external), location, _pinned(target.external, lock))
    if target.template is None:
        return
    template = target.template
    plain = plain_dockerfile(source, template, levels.definition)

    def at(number: int) -> Location:
        known = template_line(source, template, levels.definition, plain, target.dockerfile, number)
        path, line = known or (template, 0)
        return Location(path, line, 1 if line else 0)

    if target.syntax is not None and (syntax := find_syntax(target.dockerfile)):
        yield Explained(
            "syntax", str(target.syntax), at(syntax.line), _pinned_as(syntax.name, target.syntax, lock)
        )
    for base in target.bases:
        location = at(base.line)
        on = f" on {base.on}" if base.on else ""
        key = f"bases.{base.name}{on}"
        if base.target_id is not None:
            yield Explained(key, base.target_id, location, _internal(plan, base))
        elif base.reference is not None:
            yield Explained(key, str(base.reference), location, _pinned_as(base.name, base.reference, lock))


def _internal(plan: Plan, base: Base) -> str:
    assert base.target_id is not None
    target = plan.by_id[base.target_id]
    tag = base.name.partition(":")[2] or "latest"
    if tag in (target.tag, *target.tags[:1]):
        return f"the tag {tag} of the image {target.image}"
    return f"{tag} is an alias of {target.name}"


def _pinned_as(written: str, reference: Reference, lock: str) -> str:
    if Reference.parse(written).digest is not None:
        return "its digest is written here"
    return _pinned(reference, lock)


def _pinned(reference: Reference, lock: str) -> str:
    name = untagged(reference)
    return f"pinned in {lock} as {name}" if reference.digest else f"{lock} does not know {name}"


def _key(plan: Plan, target: Target) -> Iterator[Explained]:
    inputs = inputs_of(plan, target.id)
    if target.key is None or inputs is None:
        why = "a base is not locked; `lockage lock` pins it"
        yield Explained("key", None, COMPUTED, why)
        return
    yield Explained("key", target.key, COMPUTED, "a hash over the inputs that follow")
    for name, digest in input_digests(inputs).items():
        yield Explained(f"key.{name}", digest, DEFAULT if digest == "none" else COMPUTED)
