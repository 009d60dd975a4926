"""Compiled templates of a catalogue, kept in the user's cache: each is compiled once and not in every process.

Loading bytecode means running it. So the folder must belong to the user and be inaccessible to others, and the file has
a digest of its content. A file that fails these checks is ignored: the templates are compiled again.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from types import CodeType

import jinja2
from jinja2.bccache import Bucket, BytecodeCache, bc_magic

from pipeline.util.rooted import RootedFolder

_RULES = ("budget.py", "code.py", "limits.py", "outline.py", "sandbox.py")
_DIGEST = hashlib.sha256().digest_size
_HEAD = _DIGEST + len(bc_magic)
_KEEP = 32  # catalogues


class StoredBytecode(BytecodeCache):
    """The compiled templates of one catalogue in one file below `folder`, which is separate for each Python, jinja2 and
    sandbox version. A template is found by its path and text. `store` writes what has been compiled.

    It never raises: a cache that cannot be read, written or trusted is ignored.
    """

    def __init__(self, folder: Path, catalogue: str = "") -> None:
        self._folder = folder / _version()
        self._name = hashlib.sha256(catalogue.encode("utf-8", "surrogateescape")).hexdigest()
        self._stored: dict[str, bytes] | None = None
        self._used: dict[str, bytes] = {}
        self._compiled = False

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        """The template's path, which is in its code."""
        return name

    def get_source_checksum(self, source: str) -> str:
        """The digest of the template's text."""
        return hashlib.sha256(source.encode()).hexdigest()

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill the bucket, if there is valid bytecode of exactly this text."""
        if self._stored is None:
            self._stored = _table(_read(self._folder, self._name))
        name = _entry(bucket)
        content = self._stored.get(name)
        if content is None:
            return
        try:
            code = marshal.loads(content)
        except (EOFError, TypeError, ValueError):
            return
        if isinstance(code, CodeType):
            bucket.code = code
            self._used[name] = content

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep the bucket's bytecode for `store`."""
        self._used[_entry(bucket)] = marshal.dumps(bucket.code)
        self._compiled = True

    def store(self) -> None:
        """Write the bytecode of the templates that were used, if any was compiled, and if possible."""
        if not self._compiled or not _own_folder(self._folder, create=True):
            return
        content = bc_magic + marshal.dumps(self._used)
        try:
            with RootedFolder.at(self._folder) as folder:
                folder.replace(self._name, hashlib.sha256(content).digest() + content, mode=0o600)
                stored = sorted((info.st_mtime_ns, name) for name, info in folder.entries().items())
                for _, old in stored[:-_KEEP]:
                    folder.remove(old)
            self._compiled = False
        except OSError:
            return


def _entry(bucket: Bucket) -> str:
    return f"{bucket.checksum} {bucket.key}"


def _version() -> str:
    """The inputs of bytecode other than a template's text: what compiles it, with what it charges."""
    rules = hashlib.sha256()
    for name in _RULES:
        rules.update(Path(__file__).with_name(name).read_bytes())
    version = f"{sys.implementation.cache_tag}-{sys.hexversion:x}-jinja2-{jinja2.__version__}"
    return f"{version}-{rules.hexdigest()[:16]}"


def _own_folder(folder: Path, *, create: bool = False) -> bool:
    """Whether the folder belongs to the user and is inaccessible to others; created if it is missing."""
    try:
        if create:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):
                folder.mkdir(mode=0o700)
        info = folder.lstat()
    except OSError:
        return False
    closed = stat.S_IMODE(info.st_mode) & 0o077 == 0
    return stat.S_ISDIR(info.st_mode) and closed and info.st_uid == os.geteuid()


def _read(folder: Path, name: str) -> bytes:
    """A file that belongs to the user, in a folder of the user alone; empty if there is none."""
    if not _own_folder(folder):
        return b""
    try:
        descriptor = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            info = os.fstat(descriptor)
            own = stat.S_ISREG(info.st_mode) and info.st_uid == os.geteuid()
            return file.read() if own else b""
    except OSError:
        return b""


def _table(content: bytes) -> dict[str, bytes]:
    """The compiled templates in a file by text and path; none unless the whole file is as it was written."""
    if hashlib.sha256(content[_DIGEST:]).digest() != content[:_DIGEST]:
        return {}
    if content[_DIGEST:_HEAD] != bc_magic:
        return {}
    try:
        table = marshal.loads(content[_HEAD:])
    except (EOFError, TypeError, ValueError):
        return {}
    return table if type(table) is dict else {}
