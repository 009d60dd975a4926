"""Root file systems from Debian packages, laid out by mmdebstrap without changing the host's."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pipeline.errors import EnvironmentProblem
from pipeline.util.dataclass import dataclass

from .. import process
from ..settings import LabSettings, StepCallback
from .packages import need

SUITE = "bookworm"
_EXCLUDED = ("doc", "groff", "info", "lintian", "locale", "man")


@dataclass(frozen=True, slots=True)
class DebianRoot:
    """The packages of a root file system, and its form: a folder or a tar file.

    `variant` determines what is installed besides: "minbase", or "essential", without apt.
    """

    packages: tuple[str, ...]
    form: Literal["directory", "tar"]
    variant: Literal["minbase", "essential"] = "minbase"


async def lay_out(
    root: DebianRoot, target: Path, step: str, settings: LabSettings, report: StepCallback
) -> None:
    """Lay out the packages and their dependencies at `target`: about half a minute, from Debian's usual mirrors.

    Documentation and translations are left out.
    Raises `EnvironmentProblem` if mmdebstrap fails, or is missing and cannot be installed.
    """
    await need({"mmdebstrap": "mmdebstrap", "unshare": "util-linux"}, settings, report)
    argv = [
        *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"),
        *("mmdebstrap", "--mode=root", f"--variant={root.variant}", f"--format={root.form}"),
        '--aptopt=Acquire::Languages "none"',
        *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in _EXCLUDED),
        f"--include={','.join(root.packages)}",
        *("--customize-hook=rm -rf $1/var/lib/apt/lists $1/var/cache/apt $1/var/log/*", SUITE, str(target)),
    ]
    completed = await process.follow(
        argv,
        environ=settings.child_environ("debian", {"SOURCE_DATE_EPOCH": "1767225600"}),
        on_line=lambda line: report(step, f"Debian packages: {line[3:]}") if line.startswith("I: ") else None,
    )
    if completed.code != 0:
        raise EnvironmentProblem(
            f"Debian packages could not be laid out: mmdebstrap exited with code {completed.code}",
            hint="check the network and the disk, then run the same command again",
            detail=process.tail(completed.stderr),
        )
