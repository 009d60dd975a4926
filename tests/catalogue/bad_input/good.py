"""A good catalogue, and how a row changes it on the disk."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROJECT = "version: 1\nproject: demo\nbases: [debian:12]\n"
GOOD: Mapping[str, str] = {
    "lockage.yml": PROJECT,
    "images/base/image.yml": "tags: [2025.09]\n",
    "images/base/Dockerfile.tmpl": "FROM debian:12\n",
    "images/app/image.yml": "versions: {node: 22.1.0}\ntags: [1.0.0]\n",
    "images/app/Dockerfile.tmpl": "FROM base:2025.09\nRUN install {{ versions.node }}\n",
}
YML, TMPL, FROM = "images/app/image.yml", "images/app/Dockerfile.tmpl", "FROM base:2025.09\n"
HEAD = "versions: {node: 22.1.0}\n"


@dataclass(frozen=True)
class Special:
    """What a text file is not: a link with its target, or one of `device`, `fifo`, `socket`, `folder`."""

    kind: str
    target: str = ""


Content = str | bytes | Special | None
Row = tuple[dict[str, Content], str]


def put(root: Path, changes: Mapping[str, Content]) -> None:
    """The good catalogue with some paths changed; None takes one away."""
    for path, content in {**GOOD, **changes}.items():
        place = root / path
        if content is None:
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Special):
            _special(place, content)
        else:
            place.write_bytes(content.encode() if isinstance(content, str) else content)


def _special(place: Path, what: Special) -> None:
    if what.kind == "link":
        place.symlink_to(what.target)
    elif what.kind == "fifo":
        os.mkfifo(place)
    elif what.kind == "device":
        os.mknod(place, 0o20666, os.makedev(1, 3))
    elif what.kind == "socket":
        folder = os.open(place.parent, os.O_DIRECTORY)
        try:
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(f"/proc/self/fd/{folder}/{place.name}")
        finally:
            os.close(folder)
    else:
        place.mkdir()


def yml(text: str) -> dict[str, Content]:
    return {YML: text}


def tmpl(text: str, **more: Content) -> dict[str, Content]:
    return {TMPL: text, **more}
