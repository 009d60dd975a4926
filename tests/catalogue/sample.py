"""Catalogues for tests, never on a disk unless a test puts them there."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from pipeline.catalogue import Source, SourceFile, read_source
from pipeline.config import Lock
from pipeline.errors import ConfigError
from pipeline.model import Digest, Reference
from pipeline.plan import Plan, make_plan

ROOT = Path(__file__).parents[2]
PROJECT = "version: 1\nproject: demo\nbases: [debian:12, 'ghcr.io/acme/tools:1']\n"
DIGEST = Digest.of(b"debian")
LOCK = Lock.of(
    {Reference.parse("debian:12"): DIGEST, Reference.parse("ghcr.io/acme/tools:1"): Digest.of(b"tools")}
)

Files = Mapping[str, str | bytes | SourceFile]


def source(files: Files, project: str = PROJECT) -> Source:
    """A catalogue from paths below images/."""
    return Source.of({"lockage.yml": project, **{f"images/{path}": text for path, text in files.items()}})


def plan(files: Files, project: str = PROJECT, **options) -> Plan:
    """The plan of a catalogue from paths below images/."""
    return make_plan(source(files, project), **options)


def problems(files: Files, project: str = PROJECT, **options) -> list[str]:
    """What is wrong with a catalogue."""
    with pytest.raises(ConfigError) as caught:
        plan(files, project, **options)
    return [str(p) for p in caught.value.problems]


def image(tags: str = "[1.0.0]", more: str = "", template: str = "FROM debian:12\n") -> dict[str, str]:
    """The two files of a simple image, by name inside its folder."""
    return {"image.yml": f"tags: {tags}\n{more}", "Dockerfile.tmpl": template}


def folder(name: str, files: Mapping[str, str]) -> dict[str, str]:
    """Files below a folder."""
    return {f"{name}/{path}": text for path, text in files.items()}


def put(root: Path, files: Mapping[str, str | bytes]) -> None:
    """Write files on a disk."""
    for path, content in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)


def own_plan(**options) -> Plan:
    """The plan of this repository's own catalogue, whatever is locked here."""
    return make_plan(read_source(ROOT), **options)
