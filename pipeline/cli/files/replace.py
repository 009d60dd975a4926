"""Whole files of people and of this instance: what the disk refuses is an error with the path."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import EnvironmentProblem
from pipeline.util import files
from pipeline.util.rooted import reason


def replace_file(
    path: Path,
    content: bytes | str,
    *,
    root: Path | None = None,
    mode: int | None = None,
    durable: bool = False,
) -> None:
    """As `util.files.replace_file`. Raises EnvironmentProblem."""
    try:
        files.replace_file(path, content, root=root, mode=mode, durable=durable)
    except OSError as error:
        raise EnvironmentProblem(f"cannot write {path}: {reason(error)}") from None
