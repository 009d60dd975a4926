"""Where images are in a folder of Dockerfiles: by convention, or as the user says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType

from pipeline.util.dataclass import dataclass

from .names import image_name

_PLACEHOLDER = re.compile(r"<([a-z][a-z0-9_-]*)>")
_NAME = "name"
_SEGMENTS = 16


@dataclass(frozen=True, slots=True)
class FolderLayout:
    """A pattern of folders, such as `src/<name>/<version>/<os>`: `<name>` is the image, and the others, joined by `-`,
    are its tag."""

    segments: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> FolderLayout:
        """The layout in a text. Raises ValueError, which says what is wrong."""
        segments = tuple(text.strip("/").split("/"))
        if len(segments) > _SEGMENTS:
            raise ValueError(f"more than {_SEGMENTS} folders")
        for segment in segments:
            placeholder = _PLACEHOLDER.fullmatch(segment)
            if segment in ("", ".", "..") or (not placeholder and re.search(r"[<>*?]", segment)):
                raise ValueError(f"{segment[:80]!r} is neither a folder's name nor <word>")
        placeholders = [segment for segment in segments if _PLACEHOLDER.fullmatch(segment)]
        if not placeholders or len(placeholders) != len(set(placeholders)):
            raise ValueError("placeholders such as <name> are needed, each once")
        return cls(segments)

    @property
    def names_image(self) -> bool:
        """Whether a folder gives the image's name."""
        return f"<{_NAME}>" in self.segments

    def match(self, folder: str) -> tuple[str | None, str | None] | None:
        """The folder that names the image, and the tag, of one that has this layout."""
        parts = folder.split("/")
        if len(parts) != len(self.segments):
            return None
        image, tag = None, []
        for segment, part in zip(self.segments, parts, strict=True):
            placeholder = _PLACEHOLDER.fullmatch(segment)
            if placeholder is None:
                if segment != part:
                    return None
            elif placeholder[1] == _NAME:
                image = part
            else:
                tag.append(part)
        return image, "-".join(tag) or None


@dataclass(frozen=True, slots=True)
class ImagePlace:
    """A folder that holds an image: the image's name, its tag if the path has one, and the folder's name that gives
    the image's (empty if `--image` does)."""

    folder: str
    image: str
    tag: str | None
    word: str


@dataclass(frozen=True, slots=True)
class Naming:
    """How folders name images. `names` are images by folder; without `layouts`, it is `<name>/Dockerfile` and
    `<name>/<tag>/Dockerfile`. `image` is the only image, whose tags all folders are."""

    image: str | None = None
    names: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    layouts: tuple[FolderLayout, ...] = ()

    def place(self, folder: str) -> ImagePlace | None:
        """The image that a folder holds, by its path."""
        layouts = self.layouts or _ONE_IMAGE if self.image else self.layouts or _CONVENTION
        hidden = any(part.startswith((".", "_")) for part in folder.split("/"))
        if hidden and not self.layouts:
            return None
        for match in filter(None, (layout.match(folder) for layout in layouts)):
            word, tag = match
            if self.image is not None:
                return ImagePlace(folder, self.image, tag, "")
            if word is not None:
                return ImagePlace(folder, self.name_of(word), tag, word)
        return None

    def name_of(self, word: str) -> str:
        """The image's name that a folder's or file's gives."""
        return self.names.get(word) or image_name(word)


NO_NAMING = Naming()
"""The convention."""
_CONVENTION = (FolderLayout(("<name>",)), FolderLayout(("<name>", "<tag>")))
_ONE_IMAGE = (FolderLayout(("<version>",)), FolderLayout(("<version>", "<tag>")))
