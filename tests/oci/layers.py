"""Layers made up for tests, by Python's own tar writer: another opinion on what a tar is than the code's."""

from __future__ import annotations

import io
import sys
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass, field

if sys.version_info >= (3, 14):
    from compression.zstd import compress as zstd
else:
    from backports.zstd import compress as zstd

__all__ = ["KINDS", "XATTR", "Made", "tar", "zstd"]

XATTR = "SCHILY.xattr."
KINDS = {
    "file": tarfile.REGTYPE,
    "link": tarfile.LNKTYPE,
    "symlink": tarfile.SYMTYPE,
    "folder": tarfile.DIRTYPE,
    "character": tarfile.CHRTYPE,
    "block": tarfile.BLKTYPE,
    "pipe": tarfile.FIFOTYPE,
}


@dataclass(frozen=True)
class Made:
    """An entry as a test wants it."""

    path: str
    kind: str = "file"
    content: bytes = b""
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    mtime: float = 1000
    link: str = ""
    device: tuple[int, int] = (0, 0)
    pax: dict[str, str] = field(default_factory=dict)
    uname: str = ""


def tar(entries: Iterable[Made], form: int = tarfile.PAX_FORMAT) -> bytes:
    """The entries as a tar archive, in the order given."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for entry in entries:
            info = tarfile.TarInfo(entry.path)
            info.type, info.mode, info.uid, info.gid = KINDS[entry.kind], entry.mode, entry.uid, entry.gid
            info.mtime, info.linkname, info.uname = entry.mtime, entry.link, entry.uname
            info.devmajor, info.devminor = entry.device
            info.pax_headers = dict(entry.pax)
            info.size = len(entry.content)
            archive.addfile(info, io.BytesIO(entry.content))
    return out.getvalue()
