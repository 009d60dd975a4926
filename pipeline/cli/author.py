"""Who runs a command, as the ledger of an environment names it."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Mapping

from pipeline.ci.job import Provider, job_of


def author(environ: Mapping[str, str]) -> str:
    """The job and its user in a CI; else the user and host."""
    job = job_of(environ)
    if job.provider is not Provider.SHELL:
        return f"{job.user} ({job.url})".strip()
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = ""
    return f"{user}@{socket.gethostname()}"
