"""The paths and texts of a source's templates."""

from __future__ import annotations

from collections.abc import Iterator

from ..limits import MAX_TEXT
from ..source import IMAGES, ROOTFS, Source


class Unreadable(Exception):
    """A template that is not a small text file; `path` is its path, `message` the reason."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path} {message}")
        self.path, self.message = path, message


def template_text(source: Source, path: str) -> str | None:
    """A template's text; None if there is none. Raises `Unreadable`."""
    entry = source.get(path)
    if entry is None:
        return None
    if entry.kind != "file":
        raise Unreadable(path, "is not a file")
    if entry.content is None:
        raise Unreadable(path, f"is larger than {MAX_TEXT // 1024} KiB")
    try:
        return entry.content.decode("utf-8")
    except UnicodeDecodeError:
        raise Unreadable(path, "is not UTF-8 text") from None


def included_path(source: Source, name: str, parent: str, looked_up: set[str]) -> str:
    """The path of an included name, beside the including template or in a parent folder; the name itself if not
    found. Every path where it was looked up is added to `looked_up`."""
    for folder in _upwards(parent):
        path = f"{folder}/{name}"
        looked_up.add(path)
        if path in source.files:
            return path
    looked_up.add(str(name))
    return name


def includable(source: Source, parent: str) -> set[str]:
    """Every name that an include in a template could use."""
    texts = [
        path
        for path, entry in source.files.items()
        if entry.kind == "file" and f"/{ROOTFS}/" not in path and not path.endswith((".yml", ".yaml"))
    ]
    folders = [f"{folder}/" for folder in _upwards(parent)]
    return {path.removeprefix(folder) for folder in folders for path in texts if path.startswith(folder)}


def _upwards(path: str) -> Iterator[str]:
    folder = path.rpartition("/")[0]
    while folder:
        yield folder
        if folder == IMAGES:
            return
        folder = folder.rpartition("/")[0]
