"""The machine: disk, git, engine, proxies and certificate authorities."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from pipeline.errors import LockageError
from pipeline.lab import status as lab_status
from pipeline.lab.daemons import DaemonState
from pipeline.lab.settings import LabSettings
from pipeline.util.sizes import decimal_size

from ..git.revision import read_revision
from .finding import CheckResult, Health

_ENOUGH, _LEAST = 20 * 10**9, 5 * 10**9  # bytes
_PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "*"})
_AUTHORITIES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "LOCKAGE_CERTIFICATES")
_NO_FILE = frozenset({"none", ""})  # of LOCKAGE_CERTIFICATES


def disk(settings: LabSettings) -> CheckResult:
    """The room for images, caches and the engine's state."""
    folder = next(path for path in (settings.data, *settings.data.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    text = f"{decimal_size(free)} free in {folder}"
    if free >= _ENOUGH:
        return CheckResult.ok("disk", text)
    health = Health.PROBLEM if free < _LEAST else Health.WARNING
    return CheckResult(
        "disk", health, text, "LOCKAGE_HOME names a folder on a larger disk; lockage down --force"
    )


def git(root: Path, environ: Mapping[str, str]) -> CheckResult:
    """The commit that a run would be for."""
    try:
        revision = read_revision(root, environ)
    except LockageError as fault:
        return CheckResult.of("git", fault)
    if not revision.sha:
        text = (
            f"{root.absolute()} has no commit: images are labelled local, and nothing is promoted by commit"
        )
        return CheckResult("git", Health.WARNING, text, "git init && git add --all && git commit")
    if revision.dirty:
        text = f"commit {revision.sha[:12]}, and the work tree has changes: nothing is promoted from it"
        return CheckResult("git", Health.WARNING, text, "git status --short; commit them")
    return CheckResult.ok("git", f"commit {revision.sha[:12]}, without changes")


async def engine(settings: LabSettings) -> list[CheckResult]:
    """Which engine and registry a run uses, and how they are."""
    instance = await lab_status.status(settings)
    if instance.backend is None:
        return [
            CheckResult(
                "engine", Health.PROBLEM, instance.problem, "start Docker; or LOCKAGE_ENGINE names an engine"
            )
        ]
    out = [CheckResult.ok("engine", f"{instance.backend.kind}: {instance.backend.why}")]
    for daemon in (instance.registry, instance.engine):
        if daemon.state is DaemonState.CRASHED or daemon.answers is False:
            text = f"{daemon.state}" + (", and does not answer" if daemon.answers is False else "")
            out.append(
                CheckResult(
                    daemon.name, Health.WARNING, text, f"lockage down {daemon.name}; the next run starts it"
                )
            )
        else:
            out.append(CheckResult.ok(daemon.name, str(daemon.state)))
    return out


def network(environ: Mapping[str, str]) -> Iterator[CheckResult]:
    """Proxies, and files of certificate authorities."""
    proxies = [name for name in _PROXIES if environ.get(name)]
    direct = {h.strip() for h in (environ.get("NO_PROXY") or environ.get("no_proxy") or "").split(",")}
    if proxies and not _LOOPBACK & direct:
        text = f"{', '.join(proxies)} set, and NO_PROXY does not have localhost"
        yield CheckResult(
            "proxy", Health.WARNING, text, "NO_PROXY=localhost,127.0.0.1 keeps the embedded registry direct"
        )
    else:
        yield CheckResult.ok("proxy", f"by {', '.join(proxies)}" if proxies else "none")
    missing = [
        name
        for name in _AUTHORITIES
        if environ.get(name, "") not in _NO_FILE and not Path(environ[name]).exists()
    ]
    for name in missing:
        yield CheckResult(
            "certificates",
            Health.PROBLEM,
            f"{name}={environ[name]} does not exist",
            f"unset {name}, or correct it",
        )
    if not missing:
        names = [name for name in _AUTHORITIES if environ.get(name)]
        yield CheckResult.ok("certificates", f"by {', '.join(names)}" if names else "the system's")
