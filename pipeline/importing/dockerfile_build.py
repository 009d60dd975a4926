"""One build to convert: what is found by names of folders, or declared by a file."""

from __future__ import annotations

from pipeline.util.dataclass import dataclass

from .options import NO_OPTIONS, BuildOptions


@dataclass(frozen=True, slots=True)
class DockerfileBuild:
    """One image to convert: its Dockerfile and its build context (both below the input folder), its tag if a name
    contains one, the Dockerfiles of its variants by name, the folder's or file's name that gives the image's, and what
    it is given."""

    image: str
    tag: str | None
    context: str
    dockerfile: str
    variants: tuple[tuple[str, str], ...] = ()
    word: str = ""
    options: BuildOptions = NO_OPTIONS
