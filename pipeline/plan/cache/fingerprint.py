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

from pipeline.catalogue.source import PROJECT_NAME, Source
from pipeline.config import Lock
from pipeline.model import Platform
from pipeline.util.dataclass import dataclass
from pipeline.util.json.canonical import compact

from .encoding import STORE_FORMAT
from .parts import Digests

_CODE = ("catalogue", "config", "dockerfile", "model", "plan", "util")
_LIBRARIES = ("jinja2-", "pydantic-", "pydantic_core-", "pyyaml-")
_LENGTH = 40  # of each half, in hexadecimal digits


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A hash over every input of `make_plan` (except `only`) and the code that computes plans, in two halves: what all
    parts of a plan have in common, and everything."""

    common: str
    whole: str
    digests: Digests

    def __str__(self) -> str:
        return f"{self.common}-{self.whole}"


def fingerprint(
    source: Source,
    *,
    lock: Lock | None,
    platforms: Iterable[Platform] = (),
    snapshot_id: str | None = None,
) -> Fingerprint:
    """The fingerprint of the plan that `make_plan` would make of these inputs."""
    digests = Digests.of(source)
    options = [STORE_FORMAT, [str(p) for p in platforms], snapshot_id, digests.file(PROJECT_NAME)]
    common = hashlib.sha256(_code().encode())
    common.update(compact(options) + b"\0" + (lock.to_bytes() if lock else b""))
    whole = hashlib.sha256(compact([digests.rest, dict(digests.folders)]))
    return Fingerprint(common.hexdigest()[:_LENGTH], whole.hexdigest()[:_LENGTH], digests)


def _code() -> str:
    """Sizes and times of this program's code, and versions of the libraries that it uses for plans."""
    root = Path(__file__).parents[2]
    stats = [(p.name, p.stat()) for room in _CODE for p in sorted((root / room).rglob("*.py"))]
    library = find_spec("jinja2")
    site = Path(library.origin).parent.parent if library and library.origin else root
    versions = sorted(n for n in os.listdir(site) if n.lower().startswith(_LIBRARIES))  # noqa: PTH208
    return repr((sys.version, versions, [(name, s.st_size, s.st_mtime_ns) for name, s in stats]))
