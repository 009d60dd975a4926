"""The engine's root file system as an archive for `docker load`."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path

import anyio

from .. import process
from ..settings import LabSettings
from ..tools.recipes import architecture
from .image import ENGINE_REFERENCE, ENTRYPOINT, KEY_LABEL, EngineImage

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin"
_CREATED = "1970-01-01T00:00:00Z"
_LAYER = "layer.tar"


async def write_docker_archive(image: EngineImage, target: Path, settings: LabSettings) -> None:
    """Write the image, under its official name, as a docker-archive that `docker load` of any age accepts.

    Raises `EnvironmentProblem` when tar fails.
    """
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".archive-") as temporary:
        work = Path(temporary)
        argv = ["tar", "-C", str(image.root), "--numeric-owner", "--sort=name", "--mtime=@0", "--clamp-mtime"]
        argv += ["--hard-dereference", "--format=pax", "--pax-option=delete=atime,delete=ctime"]
        await _tar([*argv, "-cf", str(work / _LAYER), "."], settings)
        files = await anyio.to_thread.run_sync(_write_metadata, work, image)
        await _tar(["tar", "-C", str(work), "-cf", str(target), *files, _LAYER], settings)


async def _tar(argv: list[str], settings: LabSettings) -> None:
    await process.run(argv, environ=settings.child_environ("local"), limit=600, purpose="packing the engine")


def _write_metadata(work: Path, image: EngineImage) -> list[str]:
    """Write manifest and configuration next to the layer; returns their names."""
    with (work / _LAYER).open("rb") as file:
        diff_id = hashlib.file_digest(file, "sha256").hexdigest()
    environ = {"PATH": _PATH, **image.environ}
    config = {
        "architecture": architecture(),
        "os": "linux",
        "created": _CREATED,
        "config": {
            "Env": [f"{name}={value}" for name, value in environ.items()],
            "Entrypoint": [f"/{ENTRYPOINT}"],
            "Labels": {KEY_LABEL: image.key},
            "Volumes": {"/var/lib/dagger": {}},
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{diff_id}"]},
        "history": [{"created": _CREATED, "created_by": "lockage: Debian packages and the engine"}],
    }
    text = json.dumps(config, sort_keys=True)
    config_name = f"{hashlib.sha256(text.encode()).hexdigest()}.json"
    (work / config_name).write_text(text)
    manifest = [{"Config": config_name, "RepoTags": [str(ENGINE_REFERENCE)], "Layers": [_LAYER]}]
    (work / "manifest.json").write_text(json.dumps(manifest))
    return ["manifest.json", config_name]
