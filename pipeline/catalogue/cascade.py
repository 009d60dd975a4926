"""Image → Tag → Variant: the merged values of each tag; the later level wins.

The image level is `images/<name>/image.yml`, then (if tags live in version folders) the version's own
image.yml. `versions`, `variables`, `args`, `contexts` and `labels` merge key by key; single values are replaced. A
variant has every base tag and every alias, with its suffix.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from pipeline.config import GatePolicy, Level, Strategy, TagEntry, VariantEntry, VariantFile
from pipeline.errors import Problem
from pipeline.model import Platform, valid_tag
from pipeline.util.dataclass import dataclass

from .definition import Definition, Explicit, Mention, Placed, PlacedCheck, Position
from .discover import FileSource, ImageFolder
from .external import check_external
from .source import ROOTFS, Source
from .unique_tags import check_unique_tags

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _PlacedLevel:
    """A level with its position."""

    level: Level
    position: Position


_Levels = tuple[_PlacedLevel, ...]


@dataclass(frozen=True, slots=True)
class _Variant:
    """A variant: its levels, least specific first, and its own folder, if any. None means the base tag."""

    name: str
    suffix: str
    levels: _Levels
    folder: str | None


@dataclass(frozen=True, slots=True)
class _Shared:
    """Values that only files set: the same for all tags of one file."""

    automatic: bool
    strategy: Strategy
    platforms: tuple[Platform, ...] | None
    gates: GatePolicy | None
    title: str | None
    description: str | None

    @classmethod
    def of(cls, files: tuple[FileSource, ...]) -> _Shared:
        models = [source.file for source in reversed(files)]
        return cls(
            automatic=_first(True, *(m.aliases for m in models)),
            strategy=_first("semver", *(m.version_strategy for m in models)),
            platforms=_first(None, *(m.platforms for m in models)),
            gates=_first(None, *(m.gates for m in models)),
            title=_first(None, *(m.title for m in models)),
            description=_first(None, *(m.description for m in models)),
        )


@dataclass(frozen=True, slots=True)
class _File:
    """The tags of one image.yml: the image, its folders, the levels above its tags, and its variants."""

    image: str
    root: str  # the image's folder
    own: FileSource
    levels: _Levels
    shared: _Shared
    variants: tuple[_Variant, ...]


def resolve(
    source: Source, images: tuple[ImageFolder, ...], problems: list[Problem]
) -> tuple[Definition, ...]:
    """Every tag of every image, by image name and then as written; problems are appended."""
    definitions: list[Definition] = []
    folders: dict[str, str] = {}
    for image in images:
        name = _name(image)
        if folders.setdefault(name, image.folder) != image.folder:
            first = next(file for file in (image.image, *image.versions) if file)
            position = Position(first.document, ("name",))
            problems.append(position.problem(f"the image {name!r} is already in {folders[name]}/"))
            continue
        tags = list(_image(source, name, image, problems))
        if not tags and image.image and not any(p.path.startswith(image.folder) for p in problems):
            position = Position(image.image.document, ())
            problems.append(position.problem("the image has no tag", "write tags: [1.0.0]"))
        definitions += tags
    check_external(source, images, definitions, problems)
    check_unique_tags(definitions, problems)
    return tuple(sorted(definitions, key=lambda d: d.image))


def _name(image: ImageFolder) -> str:
    for file in (image.image, *image.versions):
        if file and file.file.name:
            return file.file.name
    return image.folder_name


def _image(source: Source, name: str, image: ImageFolder, problems: list[Problem]) -> Iterator[Definition]:
    top = image.image
    if top:
        yield from _tags(source, _file(name, image.folder, (top,), problems), problems)
    for version in image.versions:
        if version.file.name and version.file.name != name:
            position = Position(version.document, ("name",))
            problems.append(position.problem(f"another file of {image.folder}/ says {name!r}"))
        chain = (top, version) if top else (version,)
        yield from _tags(source, _file(name, image.folder, chain, problems), problems)


def _file(name: str, root: str, chain: tuple[FileSource, ...], problems: list[Problem]) -> _File:
    levels = tuple(_PlacedLevel(file.file, Position(file.document, ())) for file in chain)
    return _File(name, root, chain[-1], levels, _Shared.of(chain), _variants(chain, problems))


def _tags(source: Source, file: _File, problems: list[Problem]) -> Iterator[Definition]:
    for number, entry in enumerate(file.own.file.tags):
        tag = _PlacedLevel(entry, Position(file.own.document, ("tags", number)))
        yield _definition(source, file, entry, tag, None)
        if entry.external is not None:
            continue
        for variant in file.variants:
            name = entry.name + variant.suffix
            if valid_tag(name):
                yield _definition(source, file, entry, tag, variant)
            else:
                shown = entry.name + variant.suffix[:200]
                problems.append(variant.levels[-1].position.problem(f"{shown!r} is too long for a tag"))


def _variants(chain: tuple[FileSource, ...], problems: list[Problem]) -> tuple[_Variant, ...]:
    """The variants of the tags of the last file."""
    levels: dict[str, list[_PlacedLevel]] = {}
    folders: dict[str, str] = {}
    for file in chain:
        names: set[str] = set()
        for number, entry in enumerate(file.file.variants):
            position = Position(file.document, ("variants", number))
            if entry.name in names:
                problems.append(position.problem(f"the variant {entry.name!r} is written twice"))
                continue
            names.add(entry.name)
            levels.setdefault(entry.name, []).append(_PlacedLevel(entry, position))
    for variant in chain[-1].variants:
        position = Position(variant.document, ())
        levels.setdefault(variant.name, []).append(_PlacedLevel(variant.file, position))
        folders[variant.name] = variant.folder
    return tuple(
        _Variant(name, _suffix(name, placed), tuple(placed), folders.get(name))
        for name, placed in levels.items()
    )


def _suffix(name: str, levels: list[_PlacedLevel]) -> str:
    written = [p.level.suffix for p in reversed(levels) if isinstance(p.level, VariantEntry | VariantFile)]
    return next((suffix for suffix in written if suffix), f"-{name}")


def _folders(source: Source, file: _File, tag: str, variant: _Variant | None) -> tuple[str, ...]:
    """The folders that may hold templates and rootfs/ for a tag, least specific first."""
    root, own = file.root, file.own.folder
    candidates = [root, own]
    if own == root:
        candidates.append(f"{root}/{tag}")
    if variant and variant.name != ROOTFS:
        candidates.append(f"{own}/{variant.name}")
        if own == root:
            candidates.append(f"{root}/{tag}/{variant.name}")
    folders = [
        folder
        for folder in candidates
        if folder in (root, own) or (source.is_dir(folder) and not _is_version(source, folder, own))
    ]
    own_folder = [variant.folder] if variant and variant.folder else []
    return tuple(dict.fromkeys((*folders, *own_folder)))


def _is_version(source: Source, folder: str, own: str) -> bool:
    """Whether a folder right below the image has an image.yml: then it is a version, not a tag or variant."""
    return (
        folder.rpartition("/")[0] == own
        and own.count("/") == 1
        and source.get(f"{folder}/image.yml") is not None
    )


def _definition(
    source: Source, file: _File, entry: TagEntry, tag: _PlacedLevel, variant: _Variant | None
) -> Definition:
    shared, suffix = file.shared, variant.suffix if variant else ""
    inherited: _Levels = (*file.levels, tag)
    levels: _Levels = (*inherited, *variant.levels) if variant else inherited
    own = variant.levels if variant else inherited
    models = [placed.level for placed in reversed(levels)]
    written = frozenset().union(*[model.model_fields_set for model in models])  # most tags have a name only
    named = "template" in written, "test_template" in written
    return Definition(
        image=file.image,
        tag=entry.name + suffix,
        base_tag=entry.name,
        variant=variant.name if variant else None,
        suffix=suffix,
        versions=_merged([model.versions for model in models]),
        variables=_merged([model.variables for model in models]),
        labels=_merged([model.labels for model in models]),
        rootfs_user=_first("0:0", *(model.rootfs_user for model in models)),
        rootfs_copy=_first(True, *(model.rootfs_copy for model in models)),
        template=_explicit(own, "template") if named[0] else None,
        inherited_template=_explicit(inherited, "template") if variant and named[0] else None,
        test_template=_explicit(own, "test_template") if named[1] else None,
        inherited_test_template=_explicit(inherited, "test_template") if variant and named[1] else None,
        folders=_folders(source, file, entry.name, variant),
        aliases=tuple(alias + suffix for alias in entry.aliases),
        automatic=shared.automatic,
        strategy=shared.strategy,
        platforms=shared.platforms,
        gates=shared.gates,
        title=shared.title,
        description=shared.description,
        position=tag.position,
        external=entry.external,
        arguments=_placed(levels, "args") if "args" in written else {},
        contexts=_placed(levels, "contexts") if "contexts" in written else {},
        secrets=_mentions(levels, "secrets") if "secrets" in written else (),
        ssh=_mentions(levels, "ssh") if "ssh" in written else (),
        checks=_checks(levels) if "checks" in written else {},
    )


def _first(default: T, *values: T | None) -> T:
    """The first value that is not None."""
    return next((value for value in values if value is not None), default)


def _merged(mappings: list[dict[str, T]]) -> dict[str, T]:
    """All mappings in one, the first winning; keys in the order of the last."""
    merged: dict[str, T] = {}
    for mapping in reversed(mappings):
        merged |= mapping
    return merged


def _placed(levels: _Levels, key: str) -> dict[str, Placed]:
    return {
        name: Placed(value, placed.position.below(key, name))
        for placed in levels
        for name, value in getattr(placed.level, key).items()
    }


def _checks(levels: _Levels) -> dict[str, PlacedCheck]:
    return {
        name: PlacedCheck(check, placed.position.below("checks", name))
        for placed in levels
        for name, check in placed.level.checks.items()
    }


def _mentions(levels: _Levels, key: str) -> tuple[Mention, ...]:
    return tuple(
        Mention(name, placed.position.below(key, number))
        for placed in levels
        for number, name in enumerate(getattr(placed.level, key))
    )


def _explicit(levels: _Levels, key: str) -> Explicit | None:
    for placed in reversed(levels):
        name = getattr(placed.level, key)
        if name is not None:
            return Explicit(name, placed.position.below(key))
    return None
