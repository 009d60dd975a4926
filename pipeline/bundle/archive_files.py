"""Archives on disk: compared with their segments, and copied from."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import EnvironmentProblem
from pipeline.model import Descriptor, Digest
from pipeline.oci.archive import Segment, segment_size
from pipeline.util.dataclass import dataclass
from pipeline.util.files import open_file, replacing

_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class BlobLocation:
    """Where an archive holds a blob; `offset` is in bytes."""

    path: Path
    offset: int


def blob_locations(parts: Sequence[Segment], path: Path) -> dict[Digest, BlobLocation]:
    """The blobs of an archive with these segments."""
    locations: dict[Digest, BlobLocation] = {}
    offset = 0
    for part in parts:
        if isinstance(part, Descriptor):
            locations[part.digest] = BlobLocation(path, offset)
        offset += segment_size(part)
    return locations


def copy_blob(source: BlobLocation, size: int, target: BinaryIO) -> None:
    """Append `size` bytes from an archive to an open file."""
    with open_file(source.path) as file:
        file.seek(source.offset)
        while size:
            chunk = file.read(min(size, _CHUNK))
            if not chunk:
                raise EnvironmentProblem(
                    f"{source.path} was changed while it was read", hint="lockage export"
                )
            target.write(chunk)
            size -= len(chunk)


def copy_file(source: Path, target: Path, root: Path | None = None) -> bool:
    """Copy a file unless the target is equal; whether it was copied."""
    if _equal(source, target):
        return False
    with open_file(source, root=root) as file, replacing(target, root=root) as copy:
        shutil.copyfileobj(file, copy, _CHUNK)
    return True


def holds(path: Path, parts: Sequence[Segment], size: int) -> bool:
    """Whether a file consists of exactly these segments, `size` bytes in all; every blob is hashed."""
    try:
        with open_file(path) as file:
            return os.fstat(file.fileno()).st_size == size and all(
                _continues_with(file, part) for part in parts
            )
    except OSError:
        return False


def _continues_with(file: BinaryIO, part: Segment) -> bool:
    if isinstance(part, bytes):
        return file.read(len(part)) == part
    digest, left = hashlib.new(part.digest.algorithm), part.size
    while left and (chunk := file.read(min(left, _CHUNK))):
        digest.update(chunk)
        left -= len(chunk)
    return digest.hexdigest() == part.digest.hex


def _equal(source: Path, target: Path) -> bool:
    try:
        with open_file(source) as old, open_file(target) as new:
            if os.fstat(old.fileno()).st_size != os.fstat(new.fileno()).st_size:
                return False
            while chunk := old.read(_CHUNK):
                if new.read(len(chunk)) != chunk:
                    return False
    except OSError:
        return False
    return True
