"""Whole files by their path: a reader sees the old content or the new content, never a part of either.

`root` is the folder of people who are not trusted with the rest of the disk, such as a checkout: below it, no link is
followed. Without it, the folder of a file is the user's word.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from .rooted import RootedFolder


def replace_file(
    path: Path,
    content: bytes | str,
    *,
    root: Path | None = None,
    mode: int | None = None,
    durable: bool = False,
) -> None:
    """Write a whole file and make its folder, as `RootedFolder.replace`: below `root`, by no link. Raises OSError."""
    above, name = place(path, root)
    with RootedFolder.at(above, create=True) as folder:
        folder.replace(name, content, mode=mode, durable=durable)


@contextmanager
def replacing(path: Path, *, root: Path | None = None) -> Iterator[BinaryIO]:
    """As `RootedFolder.replacing`, of a path; below `root`, through no link."""
    above, name = place(path, root)
    with RootedFolder.at(above, create=True) as folder, folder.replacing(name) as file:
        yield file


def open_file(path: Path, *, root: Path | None = None) -> BinaryIO:
    """A regular file that is no link, to read; below `root`, by no link. Raises OSError."""
    above, name = place(path, root)
    with RootedFolder.at(above) as folder:
        return folder.open(name)


def read_file(path: Path, limit: int = -1, *, root: Path | None = None) -> bytes:
    """The bytes of a regular file that is no link; below `root`, by no link. Raises OSError."""
    with open_file(path, root=root) as file:
        return file.read(limit)


@contextmanager
def folder_at(path: Path, *, root: Path | None = None) -> Iterator[RootedFolder]:
    """A folder to write into, made where it is missing; below `root`, by no link. Raises OSError."""
    above, name = place(path, root)
    if above != root:
        above, name = path, ""
    with RootedFolder.at(above, create=True) as top, top.below(name, create=True) as folder:
        yield folder


def place(path: Path, root: Path | None) -> tuple[Path, str]:
    """The folder to open for a path, and the name below it: `root` where the path is below it, else its parent.

    A relative path is one below `root`, or below the current folder. `..` cancels the part before it, a link or not.
    """
    if root is not None:
        top = os.path.abspath(root)  # noqa: PTH100 - links in it stay
        absolute = os.path.normpath(os.path.join(top, path))  # noqa: PTH118 - `path` may be absolute
        if absolute.startswith(f"{top.rstrip('/')}/"):
            return root, os.path.relpath(absolute, top)
        path = Path(absolute)
    return path.parent, path.name
