"""lockage.yml of an imported catalogue."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.model import Reference

PROJECT_HEAD = """\
# yaml-language-server: $schema=.lockage/project.schema.json
version: 1
project: {project}

# embedded: the registry that `lockage up` starts. Or host[/namespace], such as ghcr.io/acme
registry: embedded

# Images are pushed to the first. A run promotes them to those that are automatic; the others are written by name only:
# `lockage promote --to prod`.
environments:
  - {{name: dev, repository: "{project}/dev/{{image}}"}}
  - {{name: staging, repository: "{project}/staging/{{image}}", promote: automatic}}
  - {{name: prod, repository: "{project}/prod/{{image}}"}}

platforms: [linux/amd64]
"""


def lockage_yml(project: str, bases: Iterable[Reference]) -> str:
    """The file, with every external image that a FROM names."""
    listed = "".join(f"  - {reference}\n" for reference in bases)
    more = f"\n# Every image from elsewhere that a FROM names; digests are kept in lockage.lock.\nbases:\n{listed}"
    return PROJECT_HEAD.format(project=project) + (more if listed else "")
