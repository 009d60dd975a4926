"""Layouts into registries and out of them."""

from __future__ import annotations

from pathlib import Path

from pipeline.model import Repository

from .client import Registry
from .copying import CopyResult
from .layout import Layout


async def push_layout(
    registry: Registry, folder: Path, repo: Repository, tag: str | None = None, *, name: str | None = None
) -> CopyResult:
    """Push the image of a layout, with its referrers; `name` chooses one if there are several.

    Raises RegistryError if the folder is not a layout, is incomplete, or holds something else than it says.
    """
    layout = Layout(folder)
    return await registry.copy(layout, layout.resolve(name).digest, repo, tag=tag)
