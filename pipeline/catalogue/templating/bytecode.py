"""Compiled templates kept in the user's cache, so that a template is compiled once and not in every process.

Loading bytecode means running it. So the folder must belong to the user and be inaccessible to others, and each file
has a digest of its content. A file that fails these checks is ignored: the template is compiled again.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

import jinja2
from jinja2.bccache import Bucket, FileSystemBytecodeCache

_RULES = ("budget.py", "code.py", "limits.py", "sandbox.py")
_DIGEST = hashlib.sha256().digest_size


class StoredBytecode(FileSystemBytecodeCache):
    """jinja2's cache of compiled templates below `folder`, separate for each Python, jinja2 and sandbox version.

    It never raises: a cache that cannot be read, written or trusted is ignored.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder / _version()), "%s")
        self._usable: bool | None = None

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        """Like jinja2's, but for any possible file name."""
        return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill the bucket, if there is valid bytecode of exactly this text."""
        if not self._is_usable():
            return
        content = _read_own(self._get_cache_filename(bucket))
        if hashlib.sha256(content[_DIGEST:]).digest() != content[:_DIGEST]:
            return
        try:
            bucket.bytecode_from_string(content[_DIGEST:])
        except Exception:  # pickle and marshal may raise any exception
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Store the bucket's bytecode, if possible."""
        if not self._is_usable():
            return
        content = bucket.bytecode_to_string()
        name = self._get_cache_filename(bucket)
        fresh = f"{name}.{os.getpid()}.tmp"
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as out:
                out.write(hashlib.sha256(content).digest() + content)
            Path(fresh).replace(name)
        except OSError:
            with suppress(OSError):
                Path(fresh).unlink()

    def _is_usable(self) -> bool:
        if self._usable is None:
            self._usable = _own_folder(Path(self.directory))
        return self._usable


def _version() -> str:
    """The inputs of bytecode other than a template's text: what compiles it, with what it charges."""
    rules = hashlib.sha256()
    for name in _RULES:
        rules.update(Path(__file__).with_name(name).read_bytes())
    version = f"{sys.implementation.cache_tag}-{sys.hexversion:x}-jinja2-{jinja2.__version__}"
    return f"{version}-{rules.hexdigest()[:16]}"


def _own_folder(folder: Path) -> bool:
    """Create the folder if it is missing; whether it belongs to the user and is inaccessible to others."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        info = folder.lstat()
    except OSError:
        return False
    closed = stat.S_IMODE(info.st_mode) & 0o077 == 0
    return stat.S_ISDIR(info.st_mode) and closed and info.st_uid == os.geteuid()


def _read_own(path: str) -> bytes:
    """A file that belongs to the user; empty if there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            info = os.fstat(descriptor)
            own = stat.S_ISREG(info.st_mode) and info.st_uid == os.geteuid()
            return file.read() if own else b""
    except OSError:
        return b""
