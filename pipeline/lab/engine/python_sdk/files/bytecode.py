"""Bytecode for the Python files of a module: `bytecode.py CACHE SOURCE`. After an edit, one file is compiled.

Bytecode depends on the content of its file and on the path, which is in it: CACHE keeps it under the hash of both.
"""

import hashlib
import importlib.util
import os
import py_compile
import sys
import uuid
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

_KEPT = 8192  # files; others are removed, those first that were used last a long time ago
_FEW = 32  # files that one process compiles before others have started


def main(cache: Path, source: Path) -> None:
    """Write bytecode beside all files of `source`. What cannot be compiled fails when it is imported."""
    missing = [path for path in source.rglob("*.py") if not _take(cache, path)]
    compile_one = partial(_compile, cache)
    if len(missing) <= _FEW:
        for path in missing:
            compile_one(path)
    else:
        with ProcessPoolExecutor() as processes:
            list(processes.map(compile_one, missing, chunksize=16))
    for old in sorted(cache.glob("*.pyc"), key=lambda path: path.stat().st_mtime)[:-_KEPT]:
        old.unlink(missing_ok=True)


def _take(cache: Path, path: Path) -> bool:
    kept, compiled = _kept(cache, path), _compiled(path)
    try:
        content = kept.read_bytes()
        os.utime(kept)
    except FileNotFoundError:
        return False
    compiled.parent.mkdir(exist_ok=True)
    compiled.write_bytes(content)
    return True


def _compile(cache: Path, path: Path) -> None:
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    with suppress(py_compile.PyCompileError):
        py_compile.compile(str(path), str(_compiled(path)), doraise=True, invalidation_mode=mode)
        new = cache / f"{uuid.uuid4().hex}.new"
        new.write_bytes(_compiled(path).read_bytes())
        new.replace(_kept(cache, path))


def _kept(cache: Path, path: Path) -> Path:
    return cache / (hashlib.sha256(str(path).encode() + b"\0" + path.read_bytes()).hexdigest() + ".pyc")


def _compiled(path: Path) -> Path:
    return Path(importlib.util.cache_from_source(str(path)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
