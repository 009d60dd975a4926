"""External tags: images built elsewhere, which go through every stage except the build.

Such a tag has no Dockerfile, no rootfs/ and no variants; its structure test is rendered like any other. Build
settings that only external tags could use are refused, so that nothing is silently ignored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from pipeline.config import Level
from pipeline.errors import Problem

from .definition import Definition, Position
from .discover import FileSource, ImageFolder
from .source import ROOTFS, Source

_OF_BUILT_TAGS = (
    "template",
    "args",
    "secrets",
    "ssh",
    "contexts",
    "rootfs_user",
    "rootfs_copy",
    "labels",
    "variants",
)
_TEMPLATES = ("Dockerfile.tmpl", "Dockerfile.*.tmpl")


def check_external(
    source: Source, images: Iterable[ImageFolder], definitions: Iterable[Definition], problems: list[Problem]
) -> None:
    """Append a problem for every build setting that only external tags could use."""
    for image in images:
        for file, own in _files(image):
            problems.extend(_of_tags(file))
            if own and all(own):
                problems.extend(_useless(file.file, Position(file.document, ()), "every tag is external"))
    problems.extend(_folders(source, tuple(definitions)))


def _files(image: ImageFolder) -> Iterator[tuple[FileSource, list[bool]]]:
    """Each file of an image, with whether each tag that inherits from it is external."""
    below = [_external(version) for version in image.versions]
    if image.image:
        yield image.image, [*_external(image.image), *(tag for tags in below for tag in tags)]
    yield from zip(image.versions, below, strict=True)


def _external(file: FileSource) -> list[bool]:
    return [tag.external is not None for tag in file.file.tags]


def _of_tags(file: FileSource) -> Iterator[Problem]:
    for number, tag in enumerate(file.file.tags):
        if tag.external is not None:
            yield from _useless(tag, Position(file.document, ("tags", number)), "the tag is external")


def _useless(level: Level, position: Position, why: str) -> Iterator[Problem]:
    for key in _OF_BUILT_TAGS:
        if getattr(level, key, None) not in (None, (), {}):
            key_position = Position(position.document, (*position.path, key))
            yield key_position.problem(f"would be used by nothing: {why}, so it is taken over as it is")


def _folders(source: Source, definitions: tuple[Definition, ...]) -> Iterator[Problem]:
    """Dockerfile templates and rootfs/ in folders that only external tags use."""
    built = {folder for d in definitions if d.external is None for folder in d.folders}
    external = {folder: d for d in definitions if d.external is not None for folder in d.folders}
    for folder in sorted(external.keys() - built):
        for name in source.children(folder):
            if name == ROOTFS or any(fnmatchcase(name, pattern) for pattern in _TEMPLATES):
                message = f"would be used by nothing: {external[folder].name} is external and not built"
                yield Problem(f"{folder}/{name}", 0, 0, "", message)
