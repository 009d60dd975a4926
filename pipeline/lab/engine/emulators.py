"""qemu for foreign platforms, from Debian's package, unpacked into the cache instead of installed on the host."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import EnvironmentProblem

from .. import process
from ..cache import CachedFolder, build_once
from ..settings import LabSettings, StepCallback
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


async def ensure(settings: LabSettings, report: StepCallback) -> Path:
    """A folder to lay over a root file system, with static emulators and their binfmt lines.

    Raises `EnvironmentProblem` if Debian's package is unavailable.
    """

    async def build(work: Path) -> Path:
        report(STEP, f"fetching {_PACKAGE}")
        await process.run(
            ["apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", _PACKAGE],
            environ=settings.child_environ("debian"),
            cwd=work,
            limit=600,
            purpose=f"fetching {_PACKAGE}",
        )
        argv = ["dpkg-deb", "--extract", str(_downloaded(work)), str(work / "root")]
        await process.run(
            argv, environ=settings.child_environ("local"), limit=120, purpose=f"unpacking {_PACKAGE}"
        )
        _move_needed(work / "root/usr", work / "needed/usr")
        return work / "needed"

    path = settings.cache / "emulators" / f"{_PACKAGE}-{architecture()}"
    return await build_once(CachedFolder(path, "usr"), build, STEP, report)


def _move_needed(root: Path, target: Path) -> None:
    """Of each machine the line to register, the name in that line, and what it is a link to."""
    for name in _MACHINES[architecture()]:
        paths = (
            f"lib/binfmt.d/qemu-{name}.conf",
            f"libexec/qemu-binfmt/{name}-binfmt-P",
            f"bin/qemu-{name}-static",
        )
        for path in paths:
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).rename(target / path)


def _downloaded(folder: Path) -> Path:
    packages = list(folder.glob("*.deb"))
    if len(packages) != 1:
        raise EnvironmentProblem(f"{_PACKAGE} could not be fetched", hint="as root: apt-get update")
    return packages[0]
