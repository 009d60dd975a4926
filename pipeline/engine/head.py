"""HEAD of a folder in the engine, read without a git of our own."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.util.dataclass import dataclass
from pipeline.util.timestamps import LAST_SECOND

if TYPE_CHECKING:
    import dagger

_READ_LIMIT = 1 << 20  # bytes of a commit
_COMMITTER = re.compile(rb"^committer .* (\d{1,12}) [-+]\d{4}$", re.MULTILINE)
_COMMIT = 1  # object type (gitformat-pack)


@dataclass(frozen=True, slots=True)
class Head:
    """HEAD: full `sha`, whether the files differ from it, and its commit time (seconds since 1970, 0 unknown)."""

    sha: str
    dirty: bool
    created: int


async def read_head(folder: dagger.Directory, scratch: Path) -> Head | None:
    """HEAD of a folder with its `.git`; None when it is not a repository or has no commit yet.

    The engine does not report a commit's time, so the commit itself is exported to `scratch` and read there.
    """
    import dagger

    git = folder.as_git()
    try:
        sha = await git.head().commit()
        dirty = not await git.uncommitted().is_empty()
        objects = git.head().tree().directory(".git/objects")  # of a checkout that is one commit deep
        await objects.filter(include=[f"{sha[:2]}/{sha[2:]}", "pack/*.pack"]).export(str(scratch))
    except dagger.QueryError:
        return None
    return Head(sha, dirty, commit_time(scratch, sha))


async def tree_of(folder: dagger.Directory, commit: str) -> dagger.Directory | None:
    """The files of a commit, by its id, a branch or a tag, in a folder with its `.git`; None where there is none."""
    import dagger

    try:
        return await folder.as_git().ref(commit).tree(discard_git_dir=True).sync()
    except dagger.QueryError:
        return None


async def tagged_commit(folder: dagger.Directory, tag: str) -> str:
    """The commit that a tag names in a folder with its `.git`; empty where there is no such tag."""
    import dagger

    try:
        return await folder.as_git().tag(tag).commit()
    except dagger.QueryError:
        return ""


def commit_time(objects: Path, sha: str) -> int:
    """The time of a commit, from a folder of git objects; 0 when it cannot be read.

    It is read as a loose object or from the start of a pack, where git puts the newest commit (gitformat-pack), and its
    content must have the digest `sha`.
    """
    for raw in _candidates(objects, sha):
        if hashlib.new("sha256" if len(sha) == 64 else "sha1", raw).hexdigest() == sha:
            committer = _COMMITTER.search(raw)
            return int(committer[1]) if committer and int(committer[1]) <= LAST_SECOND else 0
    return 0


def _candidates(objects: Path, sha: str) -> Iterator[bytes]:
    """Content that may be the commit's."""
    loose = objects / sha[:2] / sha[2:]
    if loose.is_file():
        yield _inflated(loose.read_bytes())
    for pack in sorted((objects / "pack").glob("*.pack")):
        with pack.open("rb") as file:
            start = file.read(_READ_LIMIT)
        offset, kind = 12, (start[12] >> 4) & 7 if len(start) > 12 else 0
        while len(start) > offset and start[offset] & 0x80:
            offset += 1
        if start[:4] == b"PACK" and kind == _COMMIT:
            body = _inflated(start[offset + 1 :])
            yield b"commit %d\0" % len(body) + body


def _inflated(raw: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(raw, _READ_LIMIT)
    except zlib.error:
        return b""
