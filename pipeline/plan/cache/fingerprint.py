"""The name of a stored plan: a hash over all its inputs, including the code of this program.

So a stored plan is the plan that `make_plan` would return.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from pipeline.catalogue.source import Source
from pipeline.config import Lock
from pipeline.model import Platform
from pipeline.util.json.canonical import compact

from .encoding import STORE_FORMAT

_CODE = ("catalogue", "config", "dockerfile", "model", "plan", "util")
_LIBRARIES = ("jinja2-", "pydantic-", "pydantic_core-", "pyyaml-")


def fingerprint(
    source: Source,
    *,
    lock: Lock | None,
    platforms: Iterable[Platform] = (),
    snapshot_id: str | None = None,
) -> str:
    """A hash over every input of `make_plan` (except `only`), and over the code that computes plans."""
    digest = hashlib.sha256(_code().encode())
    options = [STORE_FORMAT, [str(p) for p in platforms], snapshot_id]
    digest.update(compact(options) + b"\0" + (lock.to_bytes() if lock else b"") + b"\0")
    for path in sorted(source.files):
        entry = source.files[path]
        content = entry.target if entry.kind == "link" else entry.sha256
        head = f"{path}\0{entry.kind}\0{entry.mode:o}\0{entry.size}\0{content}\0".encode()
        digest.update(head + entry.content if entry.content is not None else head)
    return digest.hexdigest()


def _code() -> str:
    """Sizes and times of this program's code, and versions of the libraries that it uses for plans."""
    root = Path(__file__).parents[2]
    stats = [(p.name, p.stat()) for room in _CODE for p in sorted((root / room).rglob("*.py"))]
    library = find_spec("jinja2")
    site = Path(library.origin).parent.parent if library and library.origin else root
    versions = sorted(n for n in os.listdir(site) if n.lower().startswith(_LIBRARIES))  # noqa: PTH208
    return repr((sys.version, versions, [(name, s.st_size, s.st_mtime_ns) for name, s in stats]))
