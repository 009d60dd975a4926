"""Builds that compose and bake files declare: context, Dockerfile, arguments, stage, platforms and image.

build.py      a declared build, and where its paths lead in the folder read
compose.py    compose.yaml: `build:` of its services
bake.py       docker-bake.json and docker-bake.hcl: targets with what they inherit
hcl.py        the part of HCL that bake files of constants use
matching.py   which of the found Dockerfiles they build, and under which names
"""

from __future__ import annotations

from pipeline.catalogue.source import Source

from .bake import NAMES, targets_in
from .build import Declared
from .compose import builds_in, is_compose

__all__ = ["Declared", "find_declared", "is_build_file"]


def is_build_file(name: str) -> bool:
    """Whether a file has the name of a compose or bake file."""
    return is_compose(name) or name in NAMES


def find_declared(source: Source) -> Declared:
    """The builds that the compose and bake files of a folder declare, and what of them is not read."""
    folders = sorted(
        {path.rpartition("/")[0] for path in source.files if is_build_file(path.rpartition("/")[2])}
    )
    declarations = [read(source, folder) for folder in folders for read in (targets_in, builds_in)]
    return Declared(
        tuple(build for one in declarations for build in one.builds),
        tuple(left for one in declarations for left in one.left),
    )
