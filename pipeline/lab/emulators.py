"""qemu for foreign platforms, from Debian's package, unpacked beside the host instead of installed on it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from pipeline.errors import EnvironmentProblem
from pipeline.lab import process
from pipeline.lab.filelock import locked
from pipeline.lab.settings import Report, Settings

STEP = "emulators"
_PACKAGE = "qemu-user-static"


async def ensure(settings: Settings, report: Report) -> Path:
    """A folder to lay over a root file system: static emulators and their binfmt lines.

    Raises `EnvironmentProblem` where Debian's package cannot be had.
    """
    folder = settings.cache / "emulators"
    final = folder / _PACKAGE
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
            shutil.rmtree(work / "root/usr/share", ignore_errors=True)
            (work / "root").rename(final)
    return final


def _one(folder: Path) -> Path:
    packages = list(folder.glob("*.deb"))
    if len(packages) != 1:
        raise EnvironmentProblem(f"{_PACKAGE} could not be fetched", hint="as root: apt-get update")
    return packages[0]
