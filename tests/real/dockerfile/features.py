"""The feature catalogue of tests/data/features, one small image a Dockerfile feature, as a project to be built.

    images/    built by every run of the tests
    served/    need a server: their templates see `server`, `commit` and `checksum` (see `Served`)
    platforms/ for other platforms too, built by an engine that emulates (test_platforms.py)
    refused/   must not build; refused.txt is a pattern of the message

Git keeps neither archives readably nor modes, empty folders and 130 sources gladly; those are made here.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import shutil
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CATALOGUE = Path(__file__).parents[2] / "data" / "features"
BUILT = ("images", "served")
MOMENT = 981173106  # 2001-02-03T04:05:06Z, the time of what archives hold
_ARCHIVES = {
    "add-tar-compressions": ("t.tar", "t.tar.gz", "t.tar.bz2", "t.tar.xz", "t.tar.zst"),
    "add-tar-keeps-attributes": ("t.tar.gz",),
    "add-chown-tar": ("t.tar.gz",),
    "add-chmod-tar": ("t.tar.gz",),
    "add-unpack": ("t.tar.gz",),
    "copy-does-not-unpack": ("t.tar.gz",),
    "add-tar-wildcard": ("t.tar", "odd.tar"),
    "add-tar-over-files": ("t.tar",),
    "add-tar-through-link": ("t.tar",),
    "add-tar-odd-entries": ("odd.tar",),
    "times-of-archive": ("t.tar",),
}
_EMPTY = {"copy-empty-dir": ("empty", "tree/hollow")}
_MODES = {
    "copy-modes-of-context": {
        "m/f0600": 0o600,
        "m/f0755": 0o755,
        "m/f0444": 0o444,
        "m/f4755": 0o4755,
        "m/d0700": 0o700,
    }
}
_MANY = ("many-sources-one-layer", 130)


@dataclass(frozen=True, slots=True)
class Served:
    """Where a server is that the engine reaches, and what it serves.

    `/plain.txt` is "plain\\n" with `Last-Modified` at MOMENT and the SHA-256 `checksum`; `/t.tar.gz` is `archives()`'s;
    `/git/r.git` has `dir/one`, "one\\n" in the commit `commit`, tagged v1, and "one, later\\n" on the branch main,
    and an executable `run`.
    """

    server: str
    commit: str
    checksum: str

    @property
    def variables(self) -> str:
        """As variables of image.yml."""
        pairs = {"server": self.server, "commit": self.commit, "checksum": self.checksum}
        return "variables:\n" + "".join(f'  {key}: "{value}"\n' for key, value in pairs.items())


def names(part: str = "images") -> tuple[str, ...]:
    """The features of a part of the catalogue, sorted."""
    return tuple(sorted(path.name for path in (CATALOGUE / part).iterdir() if path.is_dir()))


def all_built() -> tuple[str, ...]:
    """The features whose images are compared."""
    return tuple(sorted(name for part in BUILT for name in names(part)))


def expectation(name: str) -> Mapping[str, Any] | None:
    """What the Dockerfile reference demands of a feature's image, if it is written down."""
    [folder] = (
        CATALOGUE / part / name for part in (*BUILT, "platforms") if (CATALOGUE / part / name).is_dir()
    )
    place = folder / "expect.yml"
    return yaml.safe_load(place.read_text("utf-8")) if place.is_file() else None


def refusal(name: str) -> re.Pattern[str]:
    """The message that a feature of refused/ fails with."""
    return re.compile((CATALOGUE / "refused" / name / "refused.txt").read_text().strip())


def prepare(root: Path, served: Served | None) -> Path:
    """Write the catalogue as a project below `root`, which is new; gives `root`. Without a server, without what needs
    it."""
    _copy(CATALOGUE / "lockage.yml", root / "lockage.yml")
    _write(root / ".gitignore", b"dist/\n")
    _copy(CATALOGUE / "images", root / "images")
    if served:
        _copy(CATALOGUE / "served", root / "images")
        for name in names("served"):
            with (root / "images" / name / "image.yml").open("a") as out:
                out.write(served.variables)
    made = archives()
    for name, wanted in _ARCHIVES.items():
        for archive in wanted:
            _write(root / "images" / name / "rootfs" / archive, made[archive])
    for name, folders in _EMPTY.items():
        for folder in folders:
            (root / "images" / name / "rootfs" / folder).mkdir(parents=True, exist_ok=True)
    for name, modes in _MODES.items():
        for path, mode in modes.items():
            (root / "images" / name / "rootfs" / path).chmod(mode)
    for number in range(_MANY[1]):
        _write(root / "images" / _MANY[0] / "rootfs" / f"f{number}", b"%d\n" % number)
    return root


def prepare_platforms(root: Path) -> Path:
    """Write a project of the images of platforms/ below `root`, which is new; gives `root`."""
    _copy(CATALOGUE / "lockage.yml", root / "lockage.yml")
    _copy(CATALOGUE / "platforms", root / "images")
    return root


def prepare_refused(name: str, root: Path) -> Path:
    """Write a project of one image that must not build below `root`, which is new; gives `root`."""
    _copy(CATALOGUE / "lockage.yml", root / "lockage.yml")
    _copy(CATALOGUE / "refused" / name, root / "images" / name)
    return root


def archives() -> Mapping[str, bytes]:
    """Archives by name, the same bytes from the same Python."""
    plain = _plain_archive()
    return {
        "t.tar": plain,
        "t.tar.gz": gzip.compress(plain, mtime=0),
        "t.tar.bz2": bz2.compress(plain),
        "t.tar.xz": lzma.compress(plain),
        "t.tar.zst": _zstandard(plain),
        "odd.tar": _odd_archive(),
    }


def _plain_archive() -> bytes:
    """Modes, owners and times; a symbolic and a hard link."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        _add(archive, "dir", type=tarfile.DIRTYPE, mode=0o750, uid=1000, gid=1001)
        _add(archive, "dir/file", b"file\n", mode=0o640, uid=1000, gid=1001, uname="who", gname="nobodys")
        _add(archive, "hard", type=tarfile.LNKTYPE, linkname="dir/file", mode=0o640, uid=1000, gid=1001)
        _add(archive, "soft", type=tarfile.SYMTYPE, linkname="dir/file", mode=0o777)
        _add(archive, "setuid", b"#!/bin/sh\n", mode=0o4755)
    return out.getvalue()


def _odd_archive() -> bytes:
    """Parents without entries of their own, long names, a pipe, an attribute, fractions of seconds, a file twice."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        _add(archive, "./", type=tarfile.DIRTYPE, mode=0o711, uid=3, gid=4)
        _add(archive, "implied/parents/file", b"deep\n", mode=0o600, uid=5, gid=6)
        _add(archive, "long/" + "n" * 255, b"long\n", mode=0o644)
        _add(archive, "pipe", type=tarfile.FIFOTYPE, mode=0o620)
        _add(archive, "attribute", b"x\n", mode=0o644, pax_headers={"SCHILY.xattr.user.lockage": "value"})
        _add(archive, "fraction", b"f\n", mode=0o644, pax_headers={"mtime": "981173106.5"})
        _add(archive, "twice", b"first\n", mode=0o600)
        _add(archive, "twice", b"second\n", mode=0o644)
        _add(archive, "ünï", b"u\n", mode=0o644, uid=3_000_000, gid=3_000_000)
    return out.getvalue()


def _add(archive: tarfile.TarFile, name: str, content: bytes = b"", **fields: Any) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime = len(content), MOMENT
    for field, value in fields.items():
        setattr(entry, field, value)
    archive.addfile(entry, io.BytesIO(content))


def _zstandard(data: bytes) -> bytes:
    """A frame of blocks as they are (RFC 8878, 3.1.1); Python has no compressor of this kind before 3.14."""
    block = 1 << 16
    out = bytearray(b"\x28\xb5\x2f\xfd\xa0" + len(data).to_bytes(4, "little"))
    for at in range(0, len(data), block):
        piece = data[at : at + block]
        last = at + block >= len(data)
        out += (last | len(piece) << 3).to_bytes(3, "little") + piece
    return bytes(out)


def _copy(source: Path, target: Path) -> None:
    """As a checkout under umask 022 has it; what the tests read themselves is left out."""
    if source.is_symlink():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(source.readlink())
    elif source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        target.chmod(0o755)
        for child in source.iterdir():
            if child.name not in ("expect.yml", "refused.txt"):
                _copy(child, target / child.name)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        target.chmod(0o755 if source.stat().st_mode & 0o100 else 0o644)


def _write(place: Path, content: bytes) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    place.chmod(0o644)
