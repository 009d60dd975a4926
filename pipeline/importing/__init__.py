"""A folder of plain Dockerfiles as a catalogue. Pure: what is written and what is said about it.

    <name>/Dockerfile              the image <name>
    <name>/<tag>/Dockerfile        the image <name> with this tag
    …/Dockerfile.<variant>         a variant beside a Dockerfile; a tag where there is none
    <name>.Dockerfile              the image <name>, with the folder itself as its context

A Dockerfile stays what it is, but for two things. Files that it takes from its context lie below rootfs/ by the
same paths, and its COPY, ADD and bind mounts name them there; `rootfs_copy: false` says that nothing else is
copied. And FROM names an image of this catalogue as the catalogue does. What would not plan is set aside.
"""

from __future__ import annotations

from .convert import ASIDE, MADE, Imported, ImportedImage, import_folder

__all__ = ["ASIDE", "MADE", "Imported", "ImportedImage", "import_folder"]
