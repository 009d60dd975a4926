"""Many small images built from nothing, beside BuildKit: what a target costs, and whether the hundredth costs more than
the first."""

from __future__ import annotations

from pathlib import Path

from tests.bench.figures import Figure
from tests.bench.stand import Stand
from tests.tools.git import commit

from .coldbuild import Catalogue, compare

_IMAGES = 150
_DOCKERFILE = """\
FROM debian:bookworm-slim
COPY rootfs/ /
RUN sha256sum /etc/name > /etc/sum
"""


def measure(stand: Stand) -> list[Figure]:
    """One round in three; each has a new registry and new engines."""
    root = _catalogue(stand.scratch / "small")
    figures = compare(stand, Catalogue(root, f"{_IMAGES} small images", "small"), max(1, stand.rounds // 3))
    return figures[:1]


def _catalogue(root: Path) -> Path:
    for number in range(_IMAGES):
        image = root / "images" / f"image{number:03}"
        (image / "rootfs" / "etc").mkdir(parents=True)
        (image / "image.yml").write_text("tags: [1.0.0]\n")
        (image / "Dockerfile.tmpl").write_text(_DOCKERFILE)
        (image / "rootfs" / "etc" / "name").write_text(f"{image.name}\n")
    (root / "lockage.yml").write_text(
        "version: 1\nproject: small\nbases: [docker.io/library/debian:bookworm-slim]\nbuilds: lockage/builds\n"
        "environments:\n  - {name: dev, repository: 'small/dev/{image}'}\n"
    )
    commit(root)
    return root
