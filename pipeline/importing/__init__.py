"""Convert a folder of plain Dockerfiles to a catalogue. Pure: returns the files to write and a report.

    <name>/Dockerfile              the image <name>
    <name>/<tag>/Dockerfile        the image <name> with this tag
    …/Dockerfile.<variant>         a variant beside a Dockerfile, otherwise a tag
    <name>.Dockerfile              the image <name>, with the folder itself as its context

Compose and bake files (`declared/`) say otherwise for the Dockerfiles that they build.

A Dockerfile changes in two ways. Files that it uses from its context move below rootfs/, with the same paths, and its
COPY, ADD and bind mounts are adapted; `rootfs_copy: false` prevents any other copy. And FROM uses the catalogue's
names for its own images. Images that would not plan are set aside.
"""

from __future__ import annotations

from .convert import ASIDE, MADE, Imported, ImportedImage, import_folder

__all__ = ["ASIDE", "MADE", "Imported", "ImportedImage", "import_folder"]
