"""dist/: a plan as files.

    dist/<name>/<tag>/Dockerfile   the rendered template, with COPY rootfs/ inserted
    dist/<name>/<tag>/test.yml     the rendered structure test, if there is one
    dist/<name>/<tag>/rootfs/      the merged rootfs, if there is any
    dist/<name>/<tag>/contexts/    one folder for each named context that is a folder
    dist/.lockage-files            the files written here, so that stale ones can be removed: one path a line, as a
                                   JSON string if it contains a line break

The folder `dist/<name>/<tag>/` without contexts/ is the build context and contains nothing else. Generating the files
is pure; only `write` and `check` (and `disk`, for them) access the disk, never through a symbolic link.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.catalogue.rootfs import RootfsEntry
from pipeline.catalogue.source import Source
from pipeline.errors import EnvironmentProblem
from pipeline.util.files import replace_file

from ..plan import Plan, Target
from .disk import Disk, Generated

RECORD = ".lockage-files"
_RECORD_HEAD = "# written by lockage generate; these files are its own\n"


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """One change to a path of dist/ that `write` makes."""

    path: str
    action: Literal["add", "change", "remove"]

    def __str__(self) -> str:
        return f"{self.action:6} {self.path}"


def context_files(target: Target) -> Mapping[str, Generated]:
    """The build context of one target: Dockerfile, test.yml and rootfs/, by path. An external target has only a
    test."""
    out: dict[str, Generated] = {}
    if target.external is None:
        out["Dockerfile"] = Generated("file", content=target.dockerfile.encode())
    if target.test is not None:
        out["test.yml"] = Generated("file", content=target.test.encode())
    if target.rootfs:
        out["rootfs"] = Generated("dir", 0o755)
    out |= _tree("rootfs", target.rootfs)
    return out


def named_context_files(target: Target) -> Mapping[str, Generated]:
    """The folders of a target's named contexts, by path: `contexts/<name>/…`."""
    out: dict[str, Generated] = {}
    for context in target.contexts:
        if context.kind == "folder":
            out["contexts"] = out[context.path] = Generated("dir", 0o755)
            out |= _tree(context.path, context.entries)
    return out


def check_files(entries: Iterable[RootfsEntry]) -> Mapping[str, Generated]:
    """The files of a check, by path."""
    return {path.removeprefix("./"): file for path, file in _tree(".", entries).items()}


def _tree(below: str, entries: Iterable[RootfsEntry]) -> dict[str, Generated]:
    return {
        f"{below}/{e.path}": Generated(e.kind, e.mode, None, e.origin, e.sha256, e.target) for e in entries
    }


def generated_files(plan: Plan) -> Mapping[str, Generated]:
    """Every path below dist/, sorted. Platforms share a folder: their Dockerfile is the same text."""
    out: dict[str, Generated] = {}
    for _, (target, *_) in plan.groups():
        folder = f"{target.image}/{target.tag}"
        files = {**context_files(target), **named_context_files(target)}
        out |= {f"{folder}/{path}": file for path, file in files.items()}
    return dict(sorted(out.items()))


def write(files: Mapping[str, Generated], dist: Path, source: Source | None) -> tuple[Change, ...]:
    """Write exactly these files to dist/, leaving files of others; return the changes.

    Each file is written to a temporary path and moved into place. Files of an earlier run that are no longer
    generated are removed; files that this program did not write are kept. Raises `EnvironmentProblem`.
    """
    changes = check(files, dist)
    try:
        for change in reversed(changes):  # the content of a folder before the folder
            if change.action == "remove":
                _remove(dist, change.path)
        dist.mkdir(parents=True, exist_ok=True)
        for change in changes:
            if change.action != "remove":
                _put(dist, change.path, files[change.path], source)
        record = _RECORD_HEAD + "".join(f"{_line(path)}\n" for path in files)
        if changes or not (dist / RECORD).is_file():
            replace_file(dist / RECORD, record, mode=0o644)
    except OSError as error:
        raise EnvironmentProblem(f"cannot write {error.filename or dist}: {error.strerror}") from None
    return changes


def check(files: Mapping[str, Generated], dist: Path) -> tuple[Change, ...]:
    """The changes that `write` would make, by path; nothing is written.

    Raises `EnvironmentProblem` if dist is a symbolic link.
    """
    if dist.is_symlink():
        raise EnvironmentProblem(
            f"{dist} is a symbolic link", hint="remove it, or name a folder with --output"
        )
    disk = Disk(dist)
    changes = []
    for path, file in files.items():
        state = disk.state(path, file)
        if state:
            changes.append(Change(path, state))
    changes += [
        Change(path, "remove") for path in _recorded(dist) if path not in files and _exists(dist, path)
    ]
    return tuple(sorted(changes))


def _parents_are_folders(dist: Path, path: str) -> bool:
    parts = path.split("/")[:-1]
    parent = dist
    for part in parts:
        parent = parent / part
        if parent.is_symlink() or not parent.is_dir():
            return False
    return True


def _put(dist: Path, path: str, file: Generated, source: Source | None) -> None:
    destination = dist / path
    parent = dist
    for part in path.split("/")[:-1]:
        parent = parent / part
        if parent.is_symlink() or (parent.exists() and not parent.is_dir()):
            parent.unlink()
        parent.mkdir(exist_ok=True)
    if file.kind == "dir":
        if destination.is_symlink() or (destination.exists() and not destination.is_dir()):
            destination.unlink()
        destination.mkdir(exist_ok=True)
        destination.chmod(file.mode)
        return
    if destination.is_dir() and not destination.is_symlink():
        _remove_folder(destination)
    if file.kind == "link":
        destination.unlink(missing_ok=True)
        destination.symlink_to(file.target or "")
        return
    replace_file(destination, file.read(source), mode=file.mode)


def _recorded(dist: Path) -> list[str]:
    record = dist / RECORD
    if record.is_symlink() or not record.is_file():
        return []
    lines = record.read_text(encoding="utf-8", errors="replace").split("\n")
    paths = [_path(line) for line in lines if not line.startswith("#")]
    return [p for p in paths if p and not p.startswith("/") and ".." not in p.split("/")]


def _line(path: str) -> str:
    return json.dumps(path) if "\n" in path or "\r" in path else path


def _path(line: str) -> str:
    if not line.startswith('"'):
        return line
    try:
        return str(json.loads(line))
    except ValueError:
        return ""


def _exists(dist: Path, path: str) -> bool:
    return _parents_are_folders(dist, path) and os.path.lexists(dist / path)


def _remove(dist: Path, path: str) -> None:
    target = dist / path
    if target.is_dir() and not target.is_symlink():
        target.rmdir()
    else:
        target.unlink(missing_ok=True)
    for parent in target.parents:  # an empty folder is removed too, recorded or not
        if parent == dist or (parent.exists() and any(parent.iterdir())):
            return
        if parent.exists():
            parent.rmdir()


def _remove_folder(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder)
