"""Other people's clients as second opinions: regctl and slsa-verifier compiled from their pinned modules, and Debian's
skopeo unpacked into the user's cache beside the host."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import anyio

from pipeline.lab import process
from pipeline.lab.settings import LabSettings
from pipeline.lab.tools import toolbox
from pipeline.lab.tools.recipes import GoTool
from pipeline.util.file_lock import locked
from tests.tools import logins

REGCTL = GoTool(
    "regctl",
    "0.11.7",
    ("github.com/regclient/regclient/cmd/regctl",),
    minutes=0.5,
    folder=Path(__file__).parent / "regctl",
)
ACTIONLINT = GoTool(
    "actionlint",
    "1.7.12",
    ("github.com/rhysd/actionlint/cmd/actionlint",),
    minutes=0.5,
    folder=Path(__file__).parent / "actionlint",
)
SLSA_VERIFIER = GoTool(
    "slsa-verifier",
    "2.7.1",
    ("github.com/slsa-framework/slsa-verifier/v2/cli/slsa-verifier",),
    minutes=3,
    folder=Path(__file__).parent / "slsa-verifier",
)
_PACKAGES = ("skopeo", "libgpgme11", "libassuan0", "libgpg-error0")


@cache
def regctl() -> Path:
    """regctl, compiled once and kept as the lab's tools are; in a thread, for a loop may be running here."""
    return compiled(REGCTL)


@cache
def slsa_verifier() -> Path:
    """slsa-verifier, likewise."""
    return compiled(SLSA_VERIFIER)


@cache
def compiled(tool: GoTool) -> Path:
    """The binary of a tool that has one, compiled once; in a thread, for a loop may be running here."""
    with ThreadPoolExecutor(1) as pool:
        return Path(pool.submit(anyio.run, toolbox.ensure, tool, _settings()).result()) / tool.name


@cache
def actionlint() -> Path:
    """actionlint, likewise."""
    return compiled(ACTIONLINT)


@cache
def skopeo() -> list[str]:
    """The beginning of a skopeo command line: Debian's program with the libraries it needs, nothing installed."""
    with ThreadPoolExecutor(1) as pool:
        root = pool.submit(anyio.run, _unpacked).result()
    machine = f"{platform.machine()}-linux-gnu"
    libraries = f"{root}/usr/lib/{machine}:{root}/lib/{machine}"
    return ["env", f"LD_LIBRARY_PATH={libraries}", str(root / "usr/bin/skopeo"), "--insecure-policy"]


def run(*argv: str | Path, cwd: Path | None = None) -> str:
    """What a program prints; its last words where it fails."""
    environ = logins.environment()
    done = subprocess.run(
        list(map(str, argv)), cwd=cwd, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{argv}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout.strip()


def _settings() -> LabSettings:
    return LabSettings.from_env(os.environ)


async def _unpacked() -> Path:
    settings = _settings()
    folder = settings.cache / "tests"
    final = folder / f"skopeo-{platform.machine()}"
    folder.mkdir(parents=True, exist_ok=True)
    async with locked(folder / ".lock", "skopeo", lambda who: None):
        if final.is_dir():
            return final
        work = Path(tempfile.mkdtemp(prefix=".new-", dir=folder))
        try:
            environ = {**settings.environ, "PATH": settings.path}
            download = ["apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", *_PACKAGES]
            await process.run(download, environ=environ, cwd=work, limit=600, purpose="fetching skopeo")
            for package in _packages(work):
                argv = ["dpkg-deb", "--extract", str(package), str(work / "root")]
                await process.run(argv, environ=environ, limit=120, purpose=f"unpacking {package.name}")
            (work / "root").rename(final)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return final


def _packages(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.deb"))
