"""Who builds and from which repository, by the documented variables of a CI and by git."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from pipeline.provenance import Origin

from .command import Repository
from .errors import GitMissing, NoRepository

_SCHEMES = frozenset({"https", "http", "ssh", "git"})
_SCP = re.compile(r"(?:[^@/:\s]+@)?([A-Za-z0-9.-]{2,}):(?!//)(\S+)")


def read_origin(root: Path, environ: Mapping[str, str]) -> Origin:
    """The CI's run; outside a known CI, this machine of which nothing is claimed."""
    found = _of_ci(environ)
    try:
        repository = Repository.of(root, environ)
    except (GitMissing, NoRepository):
        return found
    path = root.resolve().relative_to(repository.top).as_posix()
    address = found.repository or public_address(_remote(repository))
    return replace(found, repository=address, path="" if path == "." else path)


def _of_ci(environ: Mapping[str, str]) -> Origin:
    """What the CI says of its run.

    GitHub: the workflow file by its ref is the builder, as in GitHub's own attestations. GitLab: the runner, as in the
    provenance that GitLab's runner makes. Jenkins documents none: its address.
    """
    get = environ.get
    if get("GITHUB_ACTIONS") == "true":
        server, repository = get("GITHUB_SERVER_URL", ""), get("GITHUB_REPOSITORY", "")
        run, attempt = get("GITHUB_RUN_ID", ""), get("GITHUB_RUN_ATTEMPT", "1")
        return Origin(
            f"{server}/{get('GITHUB_WORKFLOW_REF', '')}",
            f"{server}/{repository}/actions/runs/{run}/attempts/{attempt}",
            get("RUNNER_ENVIRONMENT", ""),
            public_address(f"{server}/{repository}"),
            get("GITHUB_REF", ""),
        )
    if get("GITLAB_CI") == "true":
        project = get("CI_PROJECT_URL", "")
        return Origin(
            f"{project}/-/runners/{get('CI_RUNNER_ID', '')}",
            get("CI_JOB_URL", ""),
            get("CI_RUNNER_VERSION", ""),
            public_address(f"{project}.git"),
            get("CI_MERGE_REQUEST_REF_PATH", ""),
        )
    if address := get("JENKINS_URL"):
        return Origin(
            public_address(address) or address.partition("?")[0],
            get("BUILD_URL", ""),
            get("NODE_NAME", ""),
            public_address(get("GIT_URL", "")),
        )
    return Origin()


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


def _remote(repository: Repository) -> str:
    """The address of the remote `origin`, as configured; empty where there is none."""
    found = repository.run("config", "--get", "remote.origin.url")
    return os.fsdecode(found.stdout).strip() if found.code == 0 else ""
