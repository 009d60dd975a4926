"""The folder convention: find the image.yml files, and the level of each.

    images/<name>/image.yml                       an image (its tags, or defaults for the versions below)
    images/<name>/<version>/image.yml             tags of the same image, with their own templates and rootfs/
    images/<name>/<version>/<variant>/image.yml   a variant of those tags

Folders whose names start with `_` or `.` are not images (`images/_shared/` is for templates that others
include). `rootfs` is never a version or a variant.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, TypeVar

from pipeline.config import (
    ImageFile,
    Model,
    VariantFile,
    YamlDocument,
    YamlProblem,
    load,
    validate_document,
)
from pipeline.errors import Problem
from pipeline.util.dataclass import dataclass

from .limits import MAX_TEXT
from .source import IMAGE_FILE, IMAGES, PROJECT_NAME, Source

if TYPE_CHECKING:
    from pipeline.config import ProjectFile

M = TypeVar("M", bound=Model)

_NEAR = ("image.yaml", "Image.yml", "images.yml", "image.yml.txt")


@dataclass(frozen=True, slots=True)
class VariantSource:
    """image.yml of a variant's folder."""

    folder: str
    name: str
    file: VariantFile
    document: YamlDocument


@dataclass(frozen=True, slots=True)
class FileSource:
    """image.yml at image or version level, with the variants' folders below it."""

    folder: str
    file: ImageFile
    document: YamlDocument
    variants: tuple[VariantSource, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageFolder:
    """One folder of images/: the file at image level, and the files of its versions."""

    folder: str
    image: FileSource | None
    versions: tuple[FileSource, ...]

    @property
    def folder_name(self) -> str:
        """The folder's own name, the image's name unless a file says otherwise."""
        return self.folder.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Discovered:
    """The validated models, and the problems of files that are not valid."""

    project: ProjectFile | None
    images: tuple[ImageFolder, ...]
    problems: tuple[Problem, ...] = ()


def discover(source: Source, known: Collection[str] = ()) -> Discovered:
    """Read lockage.yml and every image.yml; their problems are returned, not raised.

    If folders of images/ are known (`images/<name>`), neither they nor lockage.yml are read."""
    problems: list[Problem] = []
    project = None if known else _project(source, problems)
    discovery = discover_images(source, known)
    problems.extend(discovery.problems)
    if not discovery.images and not known and not problems:
        problems.append(Problem(f"{IMAGES}/", 0, 0, "", "holds no image", "write images/<name>/image.yml"))
    return Discovered(project, discovery.images, tuple(problems))


def discover_images(source: Source, known: Collection[str] = ()) -> Discovered:
    """Read every image.yml likewise, but not lockage.yml, whose models take long to import."""
    problems: list[Problem] = []
    folders = [f"{IMAGES}/{name}" for name in source.levels(IMAGES)]
    read = (_image(source, folder, problems) for folder in folders if folder not in known)
    images = tuple(image for image in read if image is not None)
    return Discovered(None, images, tuple(problems))


def _project(source: Source, problems: list[Problem]) -> ProjectFile | None:
    from pipeline.config import ProjectFile  # a fifth of the models of lockage.yml and image.yml

    return _load(source, PROJECT_NAME, ProjectFile, problems)[0]


def _image(source: Source, folder: str, problems: list[Problem]) -> ImageFolder | None:
    before = len(problems)
    top = _file(source, folder, problems)
    versions = []
    for name in source.levels(folder):
        below = f"{folder}/{name}"
        version = _file(source, below, problems)
        if version:
            variants = _variants(source, below, problems)
            versions.append(FileSource(version.folder, version.file, version.document, variants))
    if top is None and not versions:
        if len(problems) == before:
            near = next((n for n in source.children(folder) if n in _NEAR), None)
            problems.append(
                Problem(
                    folder,
                    0,
                    0,
                    "",
                    f"holds no {IMAGE_FILE}",
                    f"rename {near} to {IMAGE_FILE}" if near else None,
                )
            )
        return None
    return ImageFolder(folder, top, tuple(versions))


def _file(source: Source, folder: str, problems: list[Problem]) -> FileSource | None:
    if source.get(f"{folder}/{IMAGE_FILE}") is None:
        return None
    model, document = _load(source, f"{folder}/{IMAGE_FILE}", ImageFile, problems)
    return FileSource(folder, model, document) if model is not None and document is not None else None


def _variants(source: Source, folder: str, problems: list[Problem]) -> tuple[VariantSource, ...]:
    out = []
    for name in source.levels(folder):
        path = f"{folder}/{name}/{IMAGE_FILE}"
        if source.get(path) is None:
            continue
        model, document = _load(source, path, VariantFile, problems)
        if model is not None and document is not None:
            out.append(VariantSource(f"{folder}/{name}", model.name or name, model, document))
    return tuple(out)


def _load(
    source: Source, path: str, model: type[M], problems: list[Problem]
) -> tuple[M | None, YamlDocument | None]:
    entry = source.get(path)
    if entry is None or entry.kind != "file":
        kind = (
            "is missing"
            if entry is None
            else f"is a {'symbolic link' if entry.kind == 'link' else entry.kind}"
        )
        problems.append(Problem(path, 0, 0, "", kind, "a file is expected"))
        return None, None
    if entry.content is None:
        problems.append(Problem(path, 0, 0, "", f"is larger than {MAX_TEXT // 1024} KiB"))
        return None, None
    try:
        document = load(entry.content, path)
    except YamlProblem as error:
        problems.append(error.problem)
        return None, None
    parsed, invalid = validate_document(model, document)
    problems.extend(invalid)
    return parsed, document
