"""An import over an earlier one: what is new, changed and no longer there, and what somebody edited in between."""

from __future__ import annotations

import stat
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import EnvironmentProblem
from pipeline.util.dataclass import dataclass
from pipeline.util.rooted import RootedFolder

from .new_files import content_of, refuse_collisions, write_new

if TYPE_CHECKING:
    from pipeline.plan import Generated


@dataclass(frozen=True, slots=True)
class ImportChanges:
    """Paths by what is done with them. `edited` were edited since an import, and their Dockerfiles were not; `kept`
    were edited, and would be changed or removed. `digests` are those to record."""

    new: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    edited: tuple[str, ...]
    kept: tuple[str, ...]
    digests: Mapping[str, str]

    def __bool__(self) -> bool:
        return bool(self.new or self.changed or self.removed)


def difference(
    root: Path,
    files: Mapping[str, Generated],
    origin: Path,
    earlier: Mapping[str, str],
    staying: Collection[str],
    hint: str,
) -> ImportChanges:
    """What an import changes in a folder. `earlier` are the digests of what the last one wrote, `staying` the folders
    of images of which nothing is removed.

    Raises UsageError for files that no import wrote and that have other content, EnvironmentProblem.
    """
    from pipeline.importing.import_record import digest_of

    if not root.exists():
        earlier = {}
    new = refuse_collisions(root, {p: f for p, f in files.items() if p not in earlier}, origin, hint)
    digests = {
        path: digest_of(file, content_of(file, origin) if file.kind == "file" else b"")
        for path, file in files.items()
        if file.kind != "dir" and path.startswith("images/")
    }
    changed: list[str] = []
    removed: list[str] = []
    edited: list[str] = []
    kept: list[str] = []
    try:
        for path, on_disk in _on_disk(root, earlier):
            if on_disk == digests.get(path):
                continue
            if path in files:
                if on_disk is None:
                    new.append(path)
                elif on_disk == earlier[path]:
                    changed.append(path)
                else:
                    (edited if digests[path] == earlier[path] else kept).append(path)
            elif path.startswith(tuple(f"{folder}/" for folder in staying)):
                digests[path] = earlier[path]
            elif on_disk is not None:
                (removed if on_disk == earlier[path] else kept).append(path)
    except OSError as error:
        raise EnvironmentProblem(f"cannot read {error.filename or root}: {error.strerror}") from None
    return ImportChanges(tuple(new), tuple(changed), tuple(removed), tuple(edited), tuple(kept), digests)


def _on_disk(root: Path, paths: Collection[str]) -> Iterator[tuple[str, str | None]]:
    """The digest of what is at each path; None if nothing is."""
    if not paths:
        return
    with RootedFolder.at(root) as folder:
        for path in paths:
            yield path, _digest(folder, path)


def _digest(folder: RootedFolder, path: str) -> str | None:
    from pipeline.importing.import_record import content_digest

    try:
        info = folder.stat(path)
    except NotADirectoryError:
        return None
    if info is None:
        return None
    if stat.S_ISLNK(info.st_mode):
        return f"link:{folder.readlink(path)}"
    return content_digest(folder.read(path), info.st_mode) if stat.S_ISREG(info.st_mode) else "other"


def take(root: Path, files: Mapping[str, Generated], origin: Path, changes: ImportChanges) -> None:
    """Write, replace and remove the files of a difference; folders that are empty then go as well. Raises
    EnvironmentProblem."""
    write_new(root, files, origin, changes.new)
    try:
        with RootedFolder.at(root) as folder:
            for path in changes.changed:
                file = files[path]
                if file.kind == "link":
                    folder.remove(path)
                    folder.symlink(path, file.target or "")
                else:
                    folder.replace(path, content_of(file, origin), mode=file.mode)
            for path in changes.removed:
                folder.remove(path)
                above = path.rpartition("/")[0]
                with suppress(OSError):  # somebody's files are in it: it stays
                    while above.count("/"):
                        folder.remove(above)
                        above = above.rpartition("/")[0]
    except OSError as error:
        raise EnvironmentProblem(f"cannot write {error.filename or root}: {error.strerror}") from None


def shown(root: Path, files: Mapping[str, Generated], origin: Path, path: str) -> Iterator[str]:
    """The difference between a file and what would replace it, in lines; nothing for what is no text."""
    from difflib import unified_diff

    file = files.get(path)
    if file is None or file.kind != "file":
        return
    try:
        with RootedFolder.at(root) as folder:
            before = folder.read(path).decode()
        after = content_of(file, origin).decode()
    except (OSError, UnicodeDecodeError):
        return
    lines = unified_diff(before.splitlines(), after.splitlines(), path, path, lineterm="")
    yield from (f"    {line}" for line in lines)
