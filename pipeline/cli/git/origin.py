"""Who builds and from which repository, as the CI and git say."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from pipeline.ci.builder import builder_of
from pipeline.provenance import Origin

from .command import GitRepository
from .errors import GitMissing, NoRepository

_SCHEMES = frozenset({"https", "http", "ssh", "git"})
_SCP = re.compile(r"(?:[^@/:\s]+@)?([A-Za-z0-9.-]{2,}):(?!//)(\S+)")


def read_origin(root: Path, environ: Mapping[str, str]) -> Origin:
    """The CI's run; outside a known CI, this machine of which nothing is claimed."""
    origin = _of_ci(environ)
    try:
        repository = GitRepository.of(root, environ)
    except (GitMissing, NoRepository):
        return origin
    path = root.resolve().relative_to(repository.top).as_posix()
    address = origin.repository or public_address(_remote(repository))
    return replace(origin, repository=address, path="" if path == "." else path)


def _of_ci(environ: Mapping[str, str]) -> Origin:
    builder = builder_of(environ)
    if builder is None:
        return Origin()
    id = public_address(builder.id) or builder.id.partition("?")[0]
    return Origin(id, builder.run, builder.runner, public_address(builder.repository), builder.ref)


def public_address(text: str) -> str:
    """The address of a repository without credentials, query and fragment; empty for a folder or anything else that
    means nothing to others."""
    if scp := _SCP.fullmatch(text):
        return f"ssh://git@{scp[1]}/{scp[2].lstrip('/')}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        return ""
    if parts.scheme not in _SCHEMES or not host or any(c.isspace() for c in text):
        return ""
    user = "git@" if parts.scheme == "ssh" else ""
    return urlunsplit((parts.scheme, f"{user}{host}{f':{port}' if port else ''}", parts.path, "", ""))


def _remote(repository: GitRepository) -> str:
    """The address of the remote `origin`, as configured; empty where there is none."""
    output = repository.run("config", "--get", "remote.origin.url")
    return os.fsdecode(output.stdout).strip() if output.code == 0 else ""
