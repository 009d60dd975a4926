"""Entries of a layer, and the limits of what is read (OCI image-spec v1.1, layer.md)."""

from __future__ import annotations

from enum import StrEnum

from pipeline.errors import BuildError
from pipeline.util.dataclass import dataclass
from pipeline.util.sizes import size_text

from .. import limits as image_limits

WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"


class LayerFault(BuildError):
    """A layer that cannot be read, or contains an entry that is not allowed."""


class EntryKind(StrEnum):
    """The type of an entry; the values are those of the tar header's typeflag (POSIX ustar)."""

    FILE = "0"
    LINK = "1"
    SYMLINK = "2"
    CHARACTER = "3"
    BLOCK = "4"
    FOLDER = "5"
    FIFO = "6"

    @property
    def label(self) -> str:
        """The name for people."""
        return _LABELS[self]


_LABELS = {
    EntryKind.FILE: "file",
    EntryKind.LINK: "hard link",
    EntryKind.SYMLINK: "symbolic link",
    EntryKind.CHARACTER: "character device",
    EntryKind.BLOCK: "block device",
    EntryKind.FOLDER: "folder",
    EntryKind.FIFO: "pipe",
}


@dataclass(frozen=True, slots=True)
class LayerLimits:
    """How much of a layer is read before it is refused, and of all layers that share a `Usage`. Sizes are in bytes."""

    decompressed: int = image_limits.LAYER_BYTES
    ratio: int = image_limits.LAYER_RATIO
    ratio_free: int = image_limits.LAYER_RATIO_FREE_BYTES
    header: int = image_limits.LAYER_HEADER_BYTES
    path: int = image_limits.LAYER_PATH_BYTES
    depth: int = image_limits.LAYER_PATH_DEPTH
    entries: int = image_limits.COMPARED_ENTRIES
    names: int = image_limits.COMPARED_NAME_BYTES


_RECORD = 128
"""What a PAX record takes in memory beside its text."""


class Usage:
    """What layers that are read together have taken of their limits. Layers in several threads share one: a count that
    two of them change at the same moment may lose a few."""

    def __init__(self, limits: LayerLimits | None = None) -> None:
        self._limits = limits or LayerLimits()
        self._entries = self._names = 0

    def add_header(self) -> None:
        """Count an entry or an extended header; raises LayerFault."""
        self._entries += 1
        if self._entries > self._limits.entries:
            raise LayerFault(f"a layer has more than {self._limits.entries} entries{_TOGETHER}")

    def add_names(self, entry: LayerEntry) -> None:
        """Count what is kept of an entry; raises LayerFault."""
        self._names += len(entry.path) + len(entry.link)
        self._names += sum(len(key) + len(value) + _RECORD for key, value in entry.records)
        if self._names > self._limits.names:
            size = size_text(self._limits.names)
            raise LayerFault(f"a layer has more than {size} of names and extended attributes{_TOGETHER}")


_TOGETHER = ", together with the layers that it is compared with"


@dataclass(frozen=True, slots=True)
class LayerEntry:
    """A file, folder, link or device of a layer.

    `path` is relative to the root, without `./` and slashes at its ends; the root itself is empty. Bytes that are not
    UTF-8 are kept as surrogates. `size` is that of a file's content in bytes; `mtime` is in nanoseconds since 1970;
    `link` is the target of a link, normalised like `path` for a hard link; `records` are the extended attributes and
    other PAX records of the file, sorted by name.
    """

    path: str
    kind: EntryKind
    mode: int
    uid: int = 0
    gid: int = 0
    size: int = 0
    mtime: int = 0
    link: str = ""
    major: int = 0
    minor: int = 0
    records: tuple[tuple[str, bytes], ...] = ()

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def whiteout(self) -> str | None:
        """The path that this entry removes from the layers below; None if it is not a whiteout."""
        folder, slash, name = self.path.rpartition("/")
        if not name.startswith(WHITEOUT) or name == OPAQUE:
            return None
        return f"{folder}{slash}{name.removeprefix(WHITEOUT)}"

    @property
    def opaque(self) -> str | None:
        """The folder whose content in the layers below this entry hides; None if it is not such an entry."""
        return self.path.rpartition("/")[0] if self.name == OPAQUE else None


def normalised(path: str, role: str) -> str:
    """A path in the form of `LayerEntry.path`; raises LayerFault if it leads out of the root."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts or "\0" in path:
        raise LayerFault(f"the layer has {role} {path[:200]!r}, which leads out of its root")
    return "/".join(parts)
