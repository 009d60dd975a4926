"""Credentials of the registries that sites of the tests run, for clients that are not the program under test."""

from __future__ import annotations

import atexit
import json
import os
import tempfile
import threading
from functools import cache
from pathlib import Path
from shutil import rmtree
from typing import Any

from pipeline.registry import Access, HostAccess
from pipeline.registry.auth.docker_config import DockerConfig

_homes: list[Path] = []
_names: dict[str, str] = {}


def know(home: Path) -> None:
    """Instances whose data is below this folder, now or later."""
    if home not in _homes:
        _homes.append(home)


def also(host: str, other: str) -> None:
    """A registry answers under another name as well, behind a proxy."""
    _names[other] = host


def variable() -> dict[str, str]:
    """A Docker configuration of all known instances, for Docker's clients and for those of containers/image."""
    file, text = _folder() / "config.json", _config()
    if not file.is_file() or file.read_text() != text:  # another thread's client may be reading it
        fresh = file.with_suffix(f".{threading.get_ident()}")
        fresh.write_text(text)
        fresh.replace(file)
    return {"DOCKER_CONFIG": str(_folder()), "REGISTRY_AUTH_FILE": str(file)}


def environment() -> dict[str, str]:
    """This process's environment with that."""
    return {**os.environ, **variable()}


def header(host: str) -> dict[str, str]:
    """The header of a request to a registry; none if it belongs to no known instance."""
    entry = json.loads(_config())["auths"].get(host)
    return {"Authorization": f"Basic {entry['auth']}"} if entry else {}


def access() -> Access:
    """The same for the registry client, which sends the credentials at once as the program does."""
    auths = DockerConfig.parse(_config(), "the tests' logins").auths
    return Access({host: HostAccess(credentials=own, sends_basic=True) for host, own in auths.items()})


def _config() -> str:
    auths: dict[str, Any] = {}
    for home in _homes:
        for path in home.glob("*/docker/config.json"):
            auths |= json.loads(path.read_text())["auths"]
    auths |= {other: auths[host] for other, host in _names.items() if host in auths}
    return json.dumps({"auths": auths})


@cache
def _folder() -> Path:
    made = Path(tempfile.mkdtemp(prefix="lockage-tests-docker-"))
    atexit.register(rmtree, made, ignore_errors=True)
    return made


def forget() -> None:
    """Remove the configuration, at the end of the tests: their processes do not all end by themselves."""
    if _folder.cache_info().currsize:
        rmtree(_folder(), ignore_errors=True)
        _folder.cache_clear()
