"""The commit that a folder of the engine stands on, for whoever has no git of their own."""

from __future__ import annotations

import hashlib
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import dagger

_MOST = 1 << 20  # bytes of a commit that are looked at
_COMMITTER = re.compile(rb"^committer .* (\d+) [-+]\d{4}$", re.MULTILINE)
_COMMIT = 1  # gitformat-pack: object type


@dataclass(frozen=True, slots=True)
class Head:
    """HEAD: full `sha`, whether the files differ from it, and its commit time (seconds since 1970, 0 unknown)."""

    sha: str
    dirty: bool
    created: int


async def read_head(folder: dagger.Directory, scratch: Path) -> Head | None:
    """HEAD of a folder with its `.git`; None when it is no repository or has no commit yet.

    The engine says nothing of a commit's time, so the commit itself is written to `scratch` and read there.
    """
    import dagger

    git = folder.as_git()
    try:
        sha = await git.head().commit()
        dirty = not await git.uncommitted().is_empty()
        objects = git.head().tree().directory(".git/objects")  # a checkout of its own, one commit deep
        await objects.filter(include=[f"{sha[:2]}/{sha[2:]}", "pack/*.pack"]).export(str(scratch))
    except dagger.QueryError:
        return None
    return Head(sha, dirty, commit_time(scratch, sha))


def commit_time(objects: Path, sha: str) -> int:
    """When a commit was made, from a folder of git objects; 0 when it is not the first thing to be found.

    It is looked for by itself and at the start of each pack, where git puts the newest commit (gitformat-pack);
    what is found must have the digest that was asked for.
    """
    for raw in _candidates(objects, sha):
        if hashlib.new("sha256" if len(sha) == 64 else "sha1", raw).hexdigest() == sha:
            found = _COMMITTER.search(raw)
            return int(found[1]) if found else 0
    return 0


def _candidates(objects: Path, sha: str):
    loose = objects / sha[:2] / sha[2:]
    if loose.is_file():
        yield _inflated(loose.read_bytes())
    for pack in sorted((objects / "pack").glob("*.pack")):
        with pack.open("rb") as file:
            head = file.read(_MOST)
        place, kind = 12, (head[12] >> 4) & 7 if len(head) > 12 else 0
        while len(head) > place and head[place] & 0x80:
            place += 1
        if head[:4] == b"PACK" and kind == _COMMIT:
            body = _inflated(head[place + 1 :])
            yield b"commit %d\0" % len(body) + body


def _inflated(raw: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(raw, _MOST)
    except zlib.error:
        return b""
