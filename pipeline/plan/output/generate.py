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
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from errno import ENOTDIR, ENOTEMPTY
from itertools import accumulate
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Literal

from pipeline.catalogue.rootfs import RootfsEntry
from pipeline.catalogue.source import Source
from pipeline.errors import EnvironmentProblem
from pipeline.util.dataclass import dataclass
from pipeline.util.files import place
from pipeline.util.rooted import RootedFolder

from ..plan import Plan, Target
from .disk import Disk, Generated

RECORD = ".lockage-files"
_RECORD_HEAD = "# written by lockage generate; these files are its own\n"


@dataclass(frozen=True, slots=True, order=True)
class FileChange:
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


def write(
    files: Mapping[str, Generated], dist: Path, source: Source | None, *, root: Path | None = None
) -> tuple[FileChange, ...]:
    """Write exactly these files to dist/, leaving files of others; return the changes.

    Each file is written to a temporary path and moved into place. Files of an earlier run that are no longer
    generated are removed; files that this program did not write are kept. No link below `root` is followed.
    Raises `EnvironmentProblem`.
    """
    with _opened(dist, root, create=True) as folder:
        assert folder
        changes = _changes(files, folder)
        for change in reversed(changes):  # the content of a folder before the folder
            if change.action == "remove":
                _remove(folder, change.path)
        for change in changes:
            if change.action != "remove":
                _put(folder, change.path, files[change.path], source)
        if changes or not _is_file(folder, RECORD):
            record = _RECORD_HEAD + "".join(f"{_line(path)}\n" for path in files)
            folder.replace(RECORD, record, mode=0o644)
        return changes


def check(files: Mapping[str, Generated], dist: Path, *, root: Path | None = None) -> tuple[FileChange, ...]:
    """The changes that `write` would make, by path; nothing is written. Raises `EnvironmentProblem`."""
    with _opened(dist, root) as folder:
        return _changes(files, folder)


@contextmanager
def _opened(dist: Path, root: Path | None, *, create: bool = False) -> Iterator[RootedFolder | None]:
    """dist/ as a folder, None where it is missing; held open, so that nothing replaces it meanwhile."""
    above, name = place(dist, root)
    try:
        with ExitStack() as stack:
            folder = None
            with nullcontext() if create else suppress(FileNotFoundError):
                top = stack.enter_context(RootedFolder.at(above, create=create))
                folder = stack.enter_context(top.below(name, create=create))
            yield folder
    except OSError as error:
        if error.errno == ENOTDIR:
            raise EnvironmentProblem(
                f"{error.filename} {error.strerror}", hint="remove it, or name a folder with --output"
            ) from None
        verb = "write" if create else "read"
        raise EnvironmentProblem(f"cannot {verb} {error.filename or dist}: {error.strerror}") from None


def _changes(files: Mapping[str, Generated], dist: RootedFolder | None) -> tuple[FileChange, ...]:
    disk = Disk(dist)
    states = ((path, disk.state(path, file)) for path, file in files.items())
    changes = [FileChange(path, state) for path, state in states if state]
    stale = [path for path in _recorded(dist) if path not in files and disk.holds(path)]
    return tuple(sorted([*changes, *(FileChange(path, "remove") for path in stale)]))


def _put(dist: RootedFolder, path: str, file: Generated, source: Source | None) -> None:
    for above in accumulate(path.split("/")[:-1], "{}/{}".format):
        if (info := dist.stat(above)) and not S_ISDIR(info.st_mode):
            dist.remove(above)
    info = dist.stat(path)
    if info and S_ISDIR(info.st_mode) != (file.kind == "dir"):
        dist.remove_tree(path)
    if file.kind == "dir":
        dist.make(path, file.mode)
    elif file.kind == "link":
        dist.remove(path)
        dist.symlink(path, file.target or "")
    else:
        dist.replace(path, file.read(source), mode=file.mode)


def _recorded(dist: RootedFolder | None) -> list[str]:
    if dist is None or not _is_file(dist, RECORD):
        return []
    lines = dist.read(RECORD).decode(errors="replace").split("\n")
    paths = [_path(line) for line in lines if not line.startswith("#")]
    return [p for p in paths if p and not {"", ".", ".."} & set(p.split("/"))]


def _line(path: str) -> str:
    return json.dumps(path) if "\n" in path or "\r" in path else path


def _path(line: str) -> str:
    if not line.startswith('"'):
        return line
    try:
        return str(json.loads(line))
    except ValueError:
        return ""


def _is_file(dist: RootedFolder, path: str) -> bool:
    info = dist.stat(path)
    return info is not None and S_ISREG(info.st_mode)


def _remove(dist: RootedFolder, path: str) -> None:
    dist.remove(path)
    while path := path.rpartition("/")[0]:  # an empty folder is removed too, recorded or not
        try:
            dist.remove(path)
        except OSError as error:
            if error.errno != ENOTEMPTY:
                raise
            return
