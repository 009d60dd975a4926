"""Where images are in a folder of Dockerfiles: by convention, or as the user says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from types import MappingProxyType

from pipeline.util.dataclass import dataclass

from .names import image_name

_PLACEHOLDER = re.compile(r"<([a-z][a-z0-9_-]*)>")
_NAME = "name"
_SEGMENTS = 16


@dataclass(frozen=True, slots=True)
class Layout:
    """A pattern of folders, such as `src/<name>/<version>/<os>`: `<name>` is the image, and the others, joined by `-`,
    are its tag."""

    segments: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Layout:
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
class Naming:
    """How folders name images. `names` are images by folder; without `layouts`, it is `<name>/Dockerfile` and
    `<name>/<tag>/Dockerfile`. `image` is the only image, whose tags all folders are."""

    image: str | None = None
    names: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    layouts: tuple[Layout, ...] = ()

    def places(self, folders: Iterator[str]) -> Iterator[tuple[str, str, str | None]]:
        """The folders that hold an image, each with the image's name and tag."""
        layouts = self.layouts or _ONE_IMAGE if self.image else self.layouts or _CONVENTION
        for folder in folders:
            hidden = any(part.startswith((".", "_")) for part in folder.split("/"))
            if hidden and not self.layouts:
                continue
            for found in filter(None, (layout.match(folder) for layout in layouts)):
                name, tag = found
                if (image := self.image or (name and self.name_of(name))) is not None:
                    yield folder, image, tag
                    break

    def name_of(self, word: str) -> str:
        """The image's name that a folder's or file's gives."""
        return self.names.get(word) or image_name(word)


NO_NAMING = Naming()
"""The convention."""
_CONVENTION = (Layout(("<name>",)), Layout(("<name>", "<tag>")))
_ONE_IMAGE = (Layout(("<version>",)), Layout(("<version>", "<tag>")))
