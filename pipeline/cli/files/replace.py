"""Whole files of people and of this instance: what the disk refuses is an error with the path."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import EnvironmentProblem
from pipeline.util import files


def replace_file(path: Path, content: bytes | str, *, mode: int | None = None) -> None:
    """As `util.files.replace_file`. Raises EnvironmentProblem."""
    try:
        files.replace_file(path, content, mode=mode)
    except OSError as error:
        raise EnvironmentProblem(f"cannot write {path}: {error.strerror}") from None
