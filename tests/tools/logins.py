"""Credentials of the registries that sites of the tests run, for clients that are not the program under test."""

from __future__ import annotations

import json
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.registry import Access, access_from_environ

_homes: list[Path] = []


def know(home: Path) -> None:
    """Instances whose data is below this folder, now or later."""
    if home not in _homes:
        _homes.append(home)


def environment() -> dict[str, str]:
    """This process's environment, with a Docker configuration of all known instances."""
    (_folder() / "config.json").write_text(_config())
    return {**os.environ, "DOCKER_CONFIG": str(_folder())}


def access() -> Access:
    """The same for the registry client."""
    return access_from_environ({}, _config())


def _config() -> str:
    auths: dict[str, Any] = {}
    for home in _homes:
        for path in home.glob("*/docker/config.json"):
            auths |= json.loads(path.read_text())["auths"]
    return json.dumps({"auths": auths})


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="lockage-tests-docker-"))
