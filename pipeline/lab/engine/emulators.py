"""qemu for foreign platforms, from Debian's package, unpacked beside the host instead of installed on it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from pipeline.errors import EnvironmentProblem
from pipeline.util.file_lock import locked

from .. import process
from ..settings import LabSettings, Report
from ..tools.recipes import architecture

STEP = "emulators"
_PACKAGE = "qemu-user-static"
_MACHINES = {
    "amd64": ("aarch64", "arm", "ppc64le", "riscv64", "s390x"),
    "arm64": ("ppc64le", "s390x", "x86_64"),
}

_NAMES = {"amd64": "x86_64", "arm64": "aarch64"}  # where qemu's name is not Go's


def machine(architecture: str) -> str:
    """qemu's name of an architecture: `aarch64` for arm64."""
    return _NAMES.get(architecture, architecture)


async def ensure(settings: LabSettings, report: Report) -> Path:
    """A folder to lay over a root file system: static emulators and their binfmt lines.

    Raises `EnvironmentProblem` where Debian's package cannot be had.
    """
    folder = settings.cache / "emulators"
    final = folder / f"{_PACKAGE}-{architecture()}"
    folder.mkdir(parents=True, exist_ok=True)
    async with locked(folder / ".lock", STEP, lambda who: report(STEP, f"waiting for {who}")):
        if final.is_dir():
            return final
        report(STEP, f"fetching {_PACKAGE}")
        with tempfile.TemporaryDirectory(prefix=".new-", dir=folder) as temporary:
            work = Path(temporary)
            environ = {**settings.environ, "PATH": settings.path}
            await process.run(
                ["apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", _PACKAGE],
                environ=environ,
                cwd=work,
                limit=600,
                what=f"fetching {_PACKAGE}",
            )
            package = _one(work)
            argv = ["dpkg-deb", "--extract", str(package), str(work / "root")]
            await process.run(argv, environ=environ, limit=120, what=f"unpacking {_PACKAGE}")
            _keep(work / "root/usr", work / "kept/usr")
            (work / "kept").rename(final)
    return final


def _keep(root: Path, target: Path) -> None:
    """Of each machine the line to register, the name in that line, and what it is a link to."""
    for name in _MACHINES[architecture()]:
        places = (
            f"lib/binfmt.d/qemu-{name}.conf",
            f"libexec/qemu-binfmt/{name}-binfmt-P",
            f"bin/qemu-{name}-static",
        )
        for place in places:
            (target / place).parent.mkdir(parents=True, exist_ok=True)
            (root / place).rename(target / place)


def _one(folder: Path) -> Path:
    packages = list(folder.glob("*.deb"))
    if len(packages) != 1:
        raise EnvironmentProblem(f"{_PACKAGE} could not be fetched", hint="as root: apt-get update")
    return packages[0]
