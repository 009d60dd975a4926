"""Layered rootfs/: image, version and variant folders merged, the later wins.

Symbolic links stay links and are never followed, wherever they point; a later file replaces a link, a link
replaces a file, folders are merged. Devices, sockets and pipes are refused.
"""

from __future__ import annotations

import re
from fnmatch import translate
from typing import Literal

from pipeline.errors import Problem
from pipeline.util.dataclass import dataclass

from .source import ROOTFS, Source, SourceFile

SENSITIVE = (
    ".env", ".env.*", "*.key", "*.pem", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx",
    "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", ".netrc", ".npmrc", ".pypirc", ".git-credentials",
    ".pgpass", ".htpasswd", "credentials.json",
)  # fmt: skip
_SENSITIVE = re.compile("|".join(map(translate, SENSITIVE)))


@dataclass(frozen=True, slots=True)
class RootfsEntry:
    """One path of the merged tree; `origin` is the source file that won. Size in bytes."""

    path: str
    kind: Literal["file", "link", "dir"]
    mode: int
    sha256: str | None
    target: str | None
    size: int
    origin: str

    def to_json(self) -> dict[str, object]:
        """The entry as data."""
        out: dict[str, object] = {"path": self.path, "kind": self.kind, "mode": f"{self.mode:04o}"}
        if self.sha256:
            out |= {"digest": f"sha256:{self.sha256}", "size": self.size}
        if self.target is not None:
            out["target"] = self.target
        return out | {"origin": self.origin}


@dataclass(frozen=True, slots=True)
class Rootfs:
    """The merged tree by path, with warnings."""

    entries: tuple[RootfsEntry, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def has_content(self) -> bool:
        """Whether there is any entry to copy."""
        return bool(self.entries)


def merge(source: Source, folders: tuple[str, ...], problems: list[Problem]) -> Rootfs:
    """Merge `<folder>/rootfs/` of every folder, least specific first; problems are appended."""
    tree = _Tree()
    warnings: list[str] = []
    for folder in folders:
        root = f"{folder}/{ROOTFS}"
        top = source.get(root)
        if top is None:
            continue
        if top.kind != "dir":
            kind = "a symbolic link" if top.kind == "link" else "not a folder"
            problems.append(Problem(root, 0, 0, "", f"is {kind}", "rootfs must be a folder"))
            continue
        _layer(source, root, "", tree, warnings, problems)
    warnings += [
        f"{entry.origin} looks like a secret and goes into the image"
        for entry in tree.values()
        if entry.kind == "file" and is_sensitive(entry.path)
    ]
    warnings += [
        f"{entry.origin} is empty, and git does not record empty folders: a clone builds another image"
        for entry in tree.values()
        if entry.kind == "dir" and tree.is_empty(entry.path)
    ]
    return Rootfs(tuple(tree[path] for path in sorted(tree)), tuple(warnings))


def read_tree(source: Source, folder: str, problems: list[Problem]) -> Rootfs:
    """Read one folder by the rules of rootfs/; problems are appended."""
    tree = _Tree()
    _layer(source, folder, "", tree, [], problems)
    return Rootfs(tuple(tree[path] for path in sorted(tree)))


class _Tree(dict[str, RootfsEntry]):
    """The merged tree by path, with the names in each folder."""

    def __init__(self) -> None:
        super().__init__()
        self._below: dict[str, set[str]] = {}

    def put(self, entry: RootfsEntry) -> None:
        """Add or replace an entry."""
        self[entry.path] = entry
        self._below.setdefault(entry.path.rpartition("/")[0], set()).add(entry.path)

    def is_empty(self, path: str) -> bool:
        """Whether nothing is in a folder."""
        return not any(inside in self for inside in self._below.get(path, ()))

    def remove_below(self, path: str) -> int:
        """Remove everything in a folder; the number of entries."""
        removed = 0
        for inside in self._below.pop(path, ()):
            if self.pop(inside, None) is not None:
                removed += 1 + self.remove_below(inside)
        return removed


def is_sensitive(path: str) -> bool:
    """Whether a file's name suggests a secret."""
    name = path.rpartition("/")[2].lower()
    return _SENSITIVE.match(name) is not None


def _layer(
    source: Source,
    root: str,
    below: str,
    tree: _Tree,
    warnings: list[str],
    problems: list[Problem],
) -> None:
    folder = f"{root}/{below}" if below else root
    for name in source.children(folder):
        path = f"{below}/{name}" if below else name
        origin = f"{folder}/{name}"
        entry = source.files[origin]
        if entry.kind == "other":
            problems.append(
                Problem(origin, 0, 0, "", "is a device, socket or pipe", "only files, folders and links")
            )
            continue
        _put(tree, path, origin, entry, warnings)
        if entry.kind == "dir":
            _layer(source, root, path, tree, warnings, problems)


def _put(tree: _Tree, path: str, origin: str, entry: SourceFile, warnings: list[str]) -> None:
    before = tree.get(path)
    if before is not None and before.kind == "dir" and entry.kind != "dir":
        inside = tree.remove_below(path)
        if inside:
            warnings.append(f"{origin} replaces the folder {before.origin} and {inside} paths in it")
    if before is not None and before.kind == "link" and entry.kind == "dir":
        warnings.append(f"the folder {origin} replaces the link {before.origin} -> {before.target}")
    kind = entry.kind if entry.kind != "other" else "file"
    tree.put(RootfsEntry(path, kind, entry.mode, entry.digest, entry.target, entry.size, origin))
