"""Docker's buildx as a peer: compiled from its pinned module, it reads bake files without any daemon."""

from __future__ import annotations

from pathlib import Path

from pipeline.lab.tools.recipes import GoTool

BUILDX = GoTool(
    "buildx",
    "0.36.0",
    ("github.com/docker/buildx/cmd/buildx",),
    variables=("github.com/docker/buildx/version.Version=v0.36.0",),
    minutes=2,
    folder=Path(__file__).parents[2] / "tools" / "buildx",
)
