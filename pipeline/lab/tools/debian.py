"""Root file systems from Debian's packages, laid out by mmdebstrap without touching the host's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import EnvironmentProblem

from .. import process
from ..settings import LabSettings, Report
from .packages import need

SUITE = "bookworm"
_LEFT_OUT = ("doc", "groff", "info", "lintian", "locale", "man")


async def root(
    target: Path,
    packages: Sequence[str],
    settings: LabSettings,
    report: Report,
    *,
    step: str,
    form: str,
    variant: str = "minbase",
) -> None:
    """Lay out the packages and what they need at `target`, a folder (`form` "directory") or a tar ("tar").

    `variant` decides what comes along unasked: "minbase", or "essential", without apt. Takes about half a minute, from
    Debian's usual mirrors. Documentation and translations are left out.
    Raises `EnvironmentProblem` where mmdebstrap is missing and cannot be installed, or fails.
    """
    await need({"mmdebstrap": "mmdebstrap", "unshare": "util-linux"}, settings, report)
    argv = [
        *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"),
        *("mmdebstrap", "--mode=root", f"--variant={variant}", f"--format={form}"),
        '--aptopt=Acquire::Languages "none"',
        *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in _LEFT_OUT),
        f"--include={','.join(packages)}",
        *("--customize-hook=rm -rf $1/var/lib/apt/lists $1/var/cache/apt $1/var/log/*", SUITE, str(target)),
    ]
    environ = {**settings.environ, "PATH": settings.path, "SOURCE_DATE_EPOCH": "1767225600"}
    done = await process.follow(
        argv,
        environ=environ,
        each=lambda line: report(step, f"Debian packages: {line[3:]}") if line.startswith("I: ") else None,
    )
    if done.code != 0:
        raise EnvironmentProblem(
            f"Debian packages could not be laid out: mmdebstrap ended with code {done.code}",
            hint="look at the network and the disk, then run the same command again",
            detail=process.tail(done.err),
        )
