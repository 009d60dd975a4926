"""Image → Tag → Variant: what holds for each tag, the later level winning.

The image level is `images/<name>/image.yml`, then (if tags live in version folders) the version's own
image.yml. `versions`, `variables`, `args`, `contexts` and `labels` merge key by key; single values are replaced. A
variant takes every base tag with its suffix, and every alias too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.config import ImageFile, Level, TagEntry, VariantEntry, VariantFile
from pipeline.errors import Problem
from pipeline.model import valid_tag

from .definition import Definition, Explicit, Mention, Placed, Position
from .discover import FileSource, ImageSource
from .external import check_external
from .source import ROOTFS, Source
from .unique_tags import check_unique_tags

_OF_FILES = ("aliases", "version_strategy", "platforms", "gates", "title", "description")


@dataclass(frozen=True, slots=True)
class _Said:
    """A level with the place it was written at."""

    level: Level
    place: Position

    def at(self, key: str) -> Position:
        return Position(self.place.document, (*self.place.path, key))


def resolve(
    source: Source, images: tuple[ImageSource, ...], problems: list[Problem]
) -> tuple[Definition, ...]:
    """Every tag of every image, by image name and then as written; problems are appended."""
    out: list[Definition] = []
    folders: dict[str, str] = {}
    for image in images:
        name = _name(image)
        if folders.setdefault(name, image.folder) != image.folder:
            files = [f for f in (image.image, *image.versions) if f]
            place = Position(files[0].document, ("name",))
            problems.append(place.problem(f"the image {name!r} is already in {folders[name]}/"))
            continue
        found = list(_image(source, name, image, problems))
        if (
            not found
            and image.image is not None
            and not any(p.path.startswith(image.folder) for p in problems)
        ):
            problems.append(
                Position(image.image.document, ()).problem("the image has no tag", "write tags: [1.0.0]")
            )
        out.extend(found)
    check_external(source, images, out, problems)
    check_unique_tags(out, problems)
    return tuple(sorted(out, key=lambda d: d.image))


def _name(image: ImageSource) -> str:
    for file in (image.image, *image.versions):
        if file and file.file.name:
            return file.file.name
    return image.folder_name


def _image(source: Source, name: str, image: ImageSource, problems: list[Problem]) -> Iterator[Definition]:
    top = image.image
    if top:
        yield from _file(source, name, image.folder, (top,), problems)
    for version in image.versions:
        if version.file.name and version.file.name != name:
            place = Position(version.document, ("name",))
            problems.append(place.problem(f"another file of {image.folder}/ says {name!r}"))
        yield from _file(source, name, image.folder, (top, version) if top else (version,), problems)


def _file(
    source: Source, name: str, root: str, chain: tuple[FileSource, ...], problems: list[Problem]
) -> Iterator[Definition]:
    own = chain[-1]
    levels = [_Said(f.file, Position(f.document, ())) for f in chain]
    common = {key: _of_file([f.file for f in chain], key) for key in _OF_FILES}
    variants = _variants(chain, problems)
    for number, entry in enumerate(own.file.tags):
        tag = _Said(entry, Position(own.document, ("tags", number)))
        folders = _folders(source, root, own.folder, entry.name, None)
        yield _definition(name, entry, "", None, [*levels, tag], [], folders, common)
        if entry.external is not None:
            continue
        for variant, (suffix, said, extra) in variants.items():
            if not valid_tag(entry.name + suffix):
                problems.append(
                    said[-1].place.problem(f"{entry.name + suffix[:200]!r} is too long for a tag")
                )
                continue
            below = _folders(source, root, own.folder, entry.name, variant)
            below = tuple(dict.fromkeys((*below, *extra)))
            yield _definition(name, entry, suffix, variant, [*levels, tag], said, below, common)


def _variants(
    chain: tuple[FileSource, ...], problems: list[Problem]
) -> dict[str, tuple[str, list[_Said], tuple[str, ...]]]:
    """Each variant's suffix, what is said about it (later wins) and its own folder if it has one."""
    said: dict[str, list[_Said]] = {}
    folders: dict[str, tuple[str, ...]] = {}
    for file in chain:
        here: set[str] = set()
        for number, entry in enumerate(file.file.variants):
            place = Position(file.document, ("variants", number))
            if entry.name in here:
                problems.append(place.problem(f"the variant {entry.name!r} is written twice"))
                continue
            here.add(entry.name)
            said.setdefault(entry.name, []).append(_Said(entry, place))
    for variant in chain[-1].variants:
        said.setdefault(variant.name, []).append(_Said(variant.file, Position(variant.document, ())))
        folders[variant.name] = (variant.folder,)
    out = {}
    for name, levels in said.items():
        suffix = f"-{name}"
        for level in levels:
            if isinstance(level.level, VariantEntry | VariantFile) and level.level.suffix:
                suffix = level.level.suffix
        out[name] = (suffix, levels, folders.get(name, ()))
    return out


def _folders(source: Source, root: str, own: str, tag: str, variant: str | None) -> tuple[str, ...]:
    """The folders that may hold templates and rootfs/ for a tag, least specific first."""
    candidates = [root, own]
    if own == root:
        candidates.append(f"{root}/{tag}")
    if variant and variant != ROOTFS:
        candidates.append(f"{own}/{variant}")
        if own == root:
            candidates.append(f"{root}/{tag}/{variant}")
    seen = dict.fromkeys(candidates)
    return tuple(
        f for f in seen if f in (root, own) or (source.is_dir(f) and not _is_other_level(source, f, own))
    )


def _is_other_level(source: Source, folder: str, own: str) -> bool:
    """Whether a folder right below the image has an image.yml: then it is a version, not a tag or variant."""
    return (
        folder.rpartition("/")[0] == own
        and own.count("/") == 1
        and source.get(f"{folder}/image.yml") is not None
    )


def _definition(
    image: str,
    entry: TagEntry,
    suffix: str,
    variant: str | None,
    levels: list[_Said],
    variant_levels: list[_Said],
    folders: tuple[str, ...],
    common: Mapping[str, Any],
) -> Definition:
    every = [*levels, *variant_levels]
    user = _last(every, "rootfs_user")
    copy = _last(every, "rootfs_copy")
    automatic = common["aliases"]
    return Definition(
        image=image,
        tag=entry.name + suffix,
        base_tag=entry.name,
        variant=variant,
        suffix=suffix,
        versions=_merged(every, "versions"),
        variables=_merged(every, "variables"),
        labels=_merged(every, "labels"),
        rootfs_user="0:0" if user is None else user,
        rootfs_copy=True if copy is None else copy,
        template=_explicit(variant_levels if variant else levels, "template"),
        inherited_template=_explicit(levels, "template") if variant else None,
        test_template=_explicit(variant_levels if variant else levels, "test_template"),
        inherited_test_template=_explicit(levels, "test_template") if variant else None,
        folders=folders,
        aliases=tuple(alias + suffix for alias in entry.aliases),
        automatic=True if automatic is None else automatic,
        strategy=common["version_strategy"] or "semver",
        platforms=common["platforms"],
        gates=common["gates"],
        title=common["title"],
        description=common["description"],
        place=levels[-1].place,
        external=entry.external,
        arguments=_placed(every, "args"),
        contexts=_placed(every, "contexts"),
        secrets=_mentions(every, "secrets"),
        ssh=_mentions(every, "ssh"),
    )


def _merged(levels: list[_Said], key: str) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for said in levels:
        out.update(getattr(said.level, key))
    return out


def _placed(levels: list[_Said], key: str) -> dict[str, Placed]:
    out: dict[str, Placed] = {}
    for said in levels:
        for name, value in getattr(said.level, key).items():
            out[name] = Placed(value, Position(said.place.document, (*said.place.path, key, name)))
    return out


def _mentions(levels: list[_Said], key: str) -> tuple[Mention, ...]:
    return tuple(
        Mention(name, Position(said.place.document, (*said.place.path, key, number)))
        for said in levels
        for number, name in enumerate(getattr(said.level, key))
    )


def _last(levels: list[_Said], key: str) -> Any:
    found = (getattr(said.level, key) for said in reversed(levels))
    return next((value for value in found if value is not None), None)


def _explicit(levels: list[_Said], key: str) -> Explicit | None:
    for said in reversed(levels):
        name = getattr(said.level, key)
        if name is not None:
            return Explicit(name, said.at(key))
    return None


def _of_file(files: list[ImageFile], key: str) -> Any:
    return next((v for f in reversed(files) if (v := getattr(f, key)) is not None), None)
