"""The two images of the Docker way: pulled under their official names, or made here where that is refused."""

from __future__ import annotations

import tarfile
import tempfile
from pathlib import Path

import anyio

from pipeline.errors import EnvironmentProblem

from .. import process
from ..engine import image as engine_image
from ..settings import LabSettings, Report
from ..tools import toolbox
from ..tools.recipes import tool
from . import command as docker

ENGINE = engine_image.NAME
REGISTRY = f"ghcr.io/olareg/olareg:v{tool('olareg').version}"
_PULL_LIMIT = 1800.0
_LOAD_LIMIT = 600.0
_UID = 1000  # of the official image


async def ensure(name: str, settings: LabSettings, report: Report) -> None:
    """Make sure that the daemon has the image: present, pulled, or made here and loaded.

    Raises `EnvironmentProblem` with the registry's own words when it can be neither pulled nor made.
    """
    made = '{{index .Config.Labels "io.lockage.engine-image"}}'
    there = await docker.call(settings, "image", "inspect", "--format", made, name)
    if there.code == 0 and there.out.strip() in ("", "<no value>", engine_image.key()):
        return  # a publisher's, or ours of this version
    step = "image"
    report(step, f"pulling {name}")
    pulled = await docker.call(settings, "pull", "--quiet", name, limit=_PULL_LIMIT)
    if pulled.code == 0:
        return
    said = process.tail(pulled.err, 1)
    report(step, f"{name} cannot be pulled ({said}): making it here")
    try:
        with tempfile.TemporaryDirectory(prefix="lockage-") as temporary:
            archive = Path(temporary) / "image.tar"
            if name == ENGINE:
                await engine_image.archive(await engine_image.ensure(settings, report), archive, settings)
                report(step, f"loading {name}")
                await docker.call(
                    settings, "load", "--input", str(archive), limit=_LOAD_LIMIT, what=f"loading {name}"
                )
            else:
                binary = await toolbox.ensure("olareg", settings, report) / "olareg"
                await anyio.to_thread.run_sync(_root, binary, archive)
                await docker.call(settings, *_import(archive, name), what=f"loading {name}")
    except EnvironmentProblem as problem:
        raise EnvironmentProblem(
            f"{name} can neither be pulled nor made here: {problem.message}",
            hint="give Docker a way to that registry (proxy, mirror), or load the image with `docker load`",
            detail="\n".join(filter(None, (said, problem.detail))),
        ) from problem


def _import(archive: Path, name: str) -> list[str]:
    changes = ('ENTRYPOINT ["/olareg"]', f"USER {_UID}", "WORKDIR /home/appuser/registry")
    return ["import", *(word for change in changes for word in ("--change", change)), str(archive), name]


def _root(binary: Path, target: Path) -> None:
    """The file system of the registry's image: the binary and a folder that its user may write."""
    with tarfile.open(target, "w") as tar:
        for name, owner, mode in (
            (".", 0, 0o755),
            ("tmp", 0, 0o1777),
            ("home", 0, 0o755),
            ("home/appuser", _UID, 0o755),
            ("home/appuser/registry", _UID, 0o755),
        ):
            folder = tarfile.TarInfo(name)
            folder.type = tarfile.DIRTYPE
            tar.addfile(_plain(folder, owner, mode))
        tar.add(binary, "olareg", filter=lambda info: _plain(info, 0, 0o755))


def _plain(info: tarfile.TarInfo, owner: int, mode: int) -> tarfile.TarInfo:
    info.uid = info.gid = owner
    info.uname = info.gname = ""
    info.mode, info.mtime = mode, 0
    return info
