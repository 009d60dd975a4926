"""Whole files: a reader sees the old content or the new content, never a part of either."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from pipeline.errors import EnvironmentProblem


def replace_file(path: Path, content: bytes | str, *, mode: int = 0o644) -> None:
    """Write a whole file, text as UTF-8, and create its folder. Raises EnvironmentProblem."""
    raw = content.encode() if isinstance(content, str) else content
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=".lockage-", dir=path.parent)
        scratch = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(raw)
                os.fchmod(descriptor, mode)
            scratch.replace(path)
        finally:
            scratch.unlink(missing_ok=True)
    except OSError as error:
        raise EnvironmentProblem(f"cannot write {path}: {error.strerror}") from None
