"""What `init` and `import` share: the schemas for editors, .gitignore, and how to name a folder in a next command."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from pipeline.errors import EnvironmentProblem
from pipeline.importing.scaffold import gitignore
from pipeline.util.files import read_file

from ...files.replace import replace_file
from .schema import SchemaKind, schema_of

_WRITTEN_BY_HAND: tuple[SchemaKind, ...] = ("image", "variant", "project")


@cache
def editor_schemas() -> Mapping[str, str]:
    """The schemas that editors check what people write with, by kind; made once, they take a tenth of a second."""
    return {
        kind: json.dumps(schema_of(kind), indent=2, ensure_ascii=False) + "\n" for kind in _WRITTEN_BY_HAND
    }


def ignore_dist(root: Path) -> list[str]:
    """Add dist/ to .gitignore; gives the path if it had to be written. Raises EnvironmentProblem."""
    path = root / ".gitignore"
    if path.is_symlink() or (path.exists() and not path.is_file()):
        return []
    try:
        before = read_file(path).decode() if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise EnvironmentProblem(f"cannot read {path}: {error}") from None
    after = gitignore(before)
    if after == before:
        return []
    replace_file(path, after, mode=0o644)
    return [".gitignore"]


def in_folder(root: Path) -> str:
    """` -C ROOT` for the next command, empty where it is the current folder."""
    return "" if root.resolve() == Path().resolve() else f" -C {root}"
