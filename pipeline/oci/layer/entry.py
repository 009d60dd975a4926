"""Entries of a layer, and the limits of what is read (OCI image-spec v1.1, layer.md)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pipeline.errors import BuildError

WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"


class LayerFault(BuildError):
    """A layer that cannot be read, or contains an entry that is not allowed."""


class Kind(StrEnum):
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
    Kind.FILE: "file",
    Kind.LINK: "hard link",
    Kind.SYMLINK: "symbolic link",
    Kind.CHARACTER: "character device",
    Kind.BLOCK: "block device",
    Kind.FOLDER: "folder",
    Kind.FIFO: "pipe",
}


@dataclass(frozen=True, slots=True)
class LayerLimits:
    """How much of a layer is read before it is refused. Sizes are in bytes."""

    decompressed: int = 64 * 1024**3
    """The whole layer, decompressed."""
    entries: int = 2_000_000
    header: int = 1024**2
    """One extended header (PAX, or a GNU long name)."""
    path: int = 4096
    """A path or the target of a link; Linux's PATH_MAX."""


@dataclass(frozen=True, slots=True)
class LayerEntry:
    """A file, folder, link or device of a layer.

    `path` is relative to the root, without `./` and slashes at its ends; the root itself is empty. Bytes that are not
    UTF-8 are kept as surrogates. `size` is that of a file's content in bytes; `mtime` is in nanoseconds since 1970;
    `link` is the target of a link, normalised like `path` for a hard link; `records` are the extended attributes and
    other PAX records of the file, sorted by name.
    """

    path: str
    kind: Kind
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
