"""Inputs that once showed a fault, kept as files: `corpus/TARGET/NAME`."""

from __future__ import annotations

import hashlib
from pathlib import Path

FOLDER = Path(__file__).parent / "corpus"


def entries(target: str, folder: Path = FOLDER) -> list[Path]:
    """The kept inputs of a target, sorted."""
    return sorted(path for path in (folder / target).glob("*") if path.is_file())


def keep(target: str, content: bytes, folder: Path = FOLDER) -> Path:
    """Keep an input, named after its content."""
    path = folder / target / hashlib.sha256(content).hexdigest()[:12]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
