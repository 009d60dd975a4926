"""The two images of the Docker backend: pulled under their official names, or built here and loaded."""

from __future__ import annotations

import tarfile
import tempfile
from pathlib import Path

import anyio

from pipeline.errors import EnvironmentProblem
from pipeline.model import Reference, Repository

from .. import process
from ..engine.archive import write_docker_archive
from ..engine.image import ENGINE_REFERENCE, KEY_LABEL, engine_image_key, ensure_engine_image
from ..settings import LabSettings, StepCallback
from ..tools import toolbox
from ..tools.recipes import tool
from .cli import docker

REGISTRY_REFERENCE = Repository("ghcr.io", "olareg/olareg").tagged(f"v{tool('olareg').version}")
_PULL_LIMIT = 1800.0
_LOAD_LIMIT = 600.0
_UID = 1000  # of the official image


async def ensure_image(reference: Reference, settings: LabSettings, report: StepCallback) -> None:
    """Make sure that the daemon has the image: present, pulled, or built here and loaded.

    Raises `EnvironmentProblem` with Docker's own message if it can be neither pulled nor built.
    """
    label = f'{{{{index .Config.Labels "{KEY_LABEL}"}}}}'
    present = await docker(settings, "image", "inspect", "--format", label, str(reference))
    if present.code == 0 and present.stdout.strip() in ("", "<no value>", engine_image_key()):
        return  # the official image, or ours of this version
    step = "image"
    report(step, f"pulling {reference}")
    pulled = await docker(settings, "pull", "--quiet", str(reference), limit=_PULL_LIMIT)
    if pulled.code == 0:
        return
    reason = process.tail(pulled.stderr, 1)
    report(step, f"{reference} cannot be pulled ({reason}): building it here")
    try:
        with tempfile.TemporaryDirectory(prefix="lockage-") as temporary:
            archive = Path(temporary) / "image.tar"
            if reference == ENGINE_REFERENCE:
                await write_docker_archive(await ensure_engine_image(settings, report), archive, settings)
                report(step, f"loading {reference}")
                argv = ["load", "--input", str(archive)]
                await docker(settings, *argv, limit=_LOAD_LIMIT, purpose=f"loading {reference}")
            else:
                binary = await toolbox.ensure("olareg", settings, report) / "olareg"
                await anyio.to_thread.run_sync(_write_registry_root, binary, archive)
                await docker(settings, *_import_args(archive, reference), purpose=f"loading {reference}")
    except EnvironmentProblem as problem:
        raise EnvironmentProblem(
            f"{reference} can neither be pulled nor built here: {problem.message}",
            hint="let Docker reach that registry (proxy, mirror), or load the image with `docker load`",
            detail="\n".join(filter(None, (reason, problem.detail))),
        ) from problem


def _import_args(archive: Path, reference: Reference) -> list[str]:
    changes = ('ENTRYPOINT ["/olareg"]', f"USER {_UID}", "WORKDIR /home/appuser/registry")
    options = [option for change in changes for option in ("--change", change)]
    return ["import", *options, str(archive), str(reference)]


def _write_registry_root(binary: Path, target: Path) -> None:
    """The registry's root file system: the binary, and a folder that its user may write to."""
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
            tar.addfile(_owned_by(folder, owner, mode))
        tar.add(binary, "olareg", filter=lambda info: _owned_by(info, 0, 0o755))


def _owned_by(info: tarfile.TarInfo, owner: int, mode: int) -> tarfile.TarInfo:
    info.uid = info.gid = owner
    info.uname = info.gname = ""
    info.mode, info.mtime = mode, 0
    return info
