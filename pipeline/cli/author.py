"""Who runs a command, as the ledger of an environment names it."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Mapping


def author(environ: Mapping[str, str]) -> str:
    """The job and its user in GitHub Actions, GitLab CI and Jenkins; else the user and host."""
    get = environ.get
    if get("GITHUB_ACTIONS") == "true":
        job = f"{get('GITHUB_SERVER_URL', '')}/{get('GITHUB_REPOSITORY', '')}/actions/runs/{get('GITHUB_RUN_ID', '')}"
        return f"{get('GITHUB_ACTOR', '')} ({job})".strip()
    if get("GITLAB_CI") == "true":
        return f"{get('GITLAB_USER_LOGIN', '')} ({get('CI_JOB_URL', '')})".strip()
    if get("JENKINS_URL"):
        return f"{get('BUILD_USER_ID', '')} ({get('BUILD_URL', '')})".strip()
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = ""
    return f"{user}@{socket.gethostname()}"
