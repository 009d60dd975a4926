"""The engine as a root file system: one image, run by Docker or in namespaces of our own.

Debian's packages, the binaries that the toolbox compiled, and what the engine needs for Python modules.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio

from pipeline.util.concurrency import run_together
from pipeline.util.file_lock import locked

from .. import process
from ..settings import LabSettings, Report
from ..tools import debian, recipes, toolbox
from . import python_sdk

STEP = "engine image"
NAME = f"registry.dagger.io/engine:v{recipes.ENGINE_VERSION}"
PACKAGES = (
    *("ca-certificates", "openssl", "runc", "iptables", "dnsmasq-base", "containernetworking-plugins"),
    *("tini", "git", "openssh-client", "pigz", "xz-utils"),
)
PATH = "/usr/local/sbin:/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin"
_RECIPE = 1  # raise when what is made here changes without its inputs
_ENTRY = Path(__file__).parent / "entry.sh"
_RECORD = "image.json"
_KEPT = 3  # images: this version's, and those of other checkouts
_LATELY = 3600.0  # seconds in which somebody may be about to start one

_BINARIES = {  # what the engine and its clients look for, and which of our binaries that is
    "usr/local/bin/dagger-engine": "engine",
    "usr/local/bin/dagger-init": "init",
    "usr/local/bin/buildctl": "dialstdio",
    "usr/local/bin/dagger": "dagger",
    "opt/cni/bin/dnsname": "dnsname",
}
_LINKS = {
    "usr/local/bin/runc": "/usr/sbin/runc",
    "usr/local/bin/tini": "/usr/bin/tini",
    "usr/bin/xtables-legacy-multi": "/usr/sbin/xtables-legacy-multi",
    "usr/bin/xtables-nft-multi": "/usr/sbin/xtables-nft-multi",
    **{
        f"opt/cni/bin/{name}": f"/usr/lib/cni/{name}"
        for name in ("bridge", "loopback", "firewall", "host-local")
    },
}


@dataclass(frozen=True, slots=True)
class EngineImage:
    """An unpacked image: its root folder, the variables its engine needs, and the key of its content."""

    root: Path
    environ: Mapping[str, str]
    key: str


def key() -> str:
    """Twelve hex digits over everything that decides the image."""
    parts = [_RECIPE, debian.SUITE, PACKAGES, _BINARIES, _LINKS, python_sdk.key()]
    total = hashlib.sha256(json.dumps([*parts, recipes.key(recipes.tool("engine"))]).encode())
    total.update(_ENTRY.read_bytes())
    return total.hexdigest()[:12]


def cached(settings: LabSettings) -> EngineImage | None:
    """The unpacked image if it is made already."""
    folder = settings.cache / "engine" / key()
    try:
        environ = json.loads((folder / _RECORD).read_text())
    except (OSError, ValueError):
        return None
    return EngineImage(folder / "root", environ, folder.name)


async def ensure(settings: LabSettings, report: Report) -> EngineImage:
    """The unpacked image, made now if need be: compiles the engine and lays out Debian's packages beside it.

    Raises `EnvironmentProblem` when something it is made of cannot be had.
    """
    folder = settings.cache / "engine"
    if image := cached(settings):
        with suppress(OSError):  # a cache that others keep: they see to what stays in it
            os.utime(folder / image.key)
        return image
    folder.mkdir(parents=True, exist_ok=True)
    async with locked(folder / ".lock", STEP, lambda who: report(STEP, f"waiting for {who}")):
        if image := cached(settings):
            return image
        for stale in folder.glob(".new-*"):
            shutil.rmtree(stale, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=folder) as temporary:
            work = Path(temporary) / "image"
            work.mkdir()
            await _make(work, settings, report)
            final = folder / key()
            shutil.rmtree(final, ignore_errors=True)
            work.rename(final)
        await anyio.to_thread.run_sync(prune, folder)
    report(STEP, f"ready, kept in {final}")
    return EngineImage(final / "root", json.loads((final / _RECORD).read_text()), final.name)


def prune(folder: Path) -> None:
    """Remove images of other versions, but those started last and within the hour, and those an engine runs on."""
    images = sorted(folder.glob("[!.]*/"), key=lambda path: path.stat().st_mtime)
    for image in images[:-_KEPT]:
        if time.time() - image.stat().st_mtime > _LATELY and not _in_use(image):
            aside = folder / f".new-{image.name}"  # what is interrupted here is swept by the next one
            image.rename(aside)
            shutil.rmtree(aside, ignore_errors=True)


def _in_use(image: Path) -> bool:
    """Whether any process has it mounted; an engine has it in a mount namespace of its own."""
    said = str(image).replace(" ", r"\040")  # as the kernel writes it
    wanted = re.compile(rf"[=:]{re.escape(said)}[/:,]".encode())
    for mounts in Path("/proc").glob("[0-9]*/mountinfo"):
        with suppress(OSError):  # it has ended
            if wanted.search(mounts.read_bytes()):
                return True
    return False


async def _make(work: Path, settings: LabSettings, report: Report) -> None:
    root = work / "root"
    report(STEP, "laying out Debian's packages for the engine, about half a minute")
    binaries, content, _ = await run_together(
        partial(toolbox.ensure, "engine", settings, report),
        partial(python_sdk.ensure, settings, report),
        partial(debian.root, root, PACKAGES, settings, report, step=STEP, form="directory"),
    )
    report(STEP, "putting the engine together")
    await anyio.to_thread.run_sync(_assemble, root, binaries, content)
    environ = {python_sdk.ENVIRONMENT: python_sdk.digest(content)}
    (work / _RECORD).write_text(json.dumps(environ) + "\n")


def _assemble(root: Path, binaries: Path, content: Path) -> None:
    for place, name in _BINARIES.items():
        _copy(binaries / name, root / place)
    _copy(_ENTRY, root / "usr/local/bin/lockage-engine")
    (root / "usr/local/bin/lockage-engine").chmod(0o755)
    for place, target in _LINKS.items():
        link = root / place
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    shutil.copytree(content, root / "usr/local/share/dagger/content", copy_function=_copy)
    shutil.rmtree(root / "dev", ignore_errors=True)  # device nodes are made where it runs
    (root / "dev").mkdir(exist_ok=True)
    for name in ("etc/resolv.conf", "etc/hostname"):
        (root / name).unlink(missing_ok=True)


def _copy(source: str | Path, target: str | Path) -> None:
    """A hard link where the cache is one file system: the engine is a hundred megabytes."""
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


async def archive(image: EngineImage, target: Path, settings: LabSettings) -> None:
    """Write the image as a docker-archive that `docker load` of any age takes, under the official name.

    Raises `EnvironmentProblem` when tar fails.
    """
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".archive-") as temporary:
        work = Path(temporary)
        layer = work / "layer.tar"
        argv = ["tar", "-C", str(image.root), "--numeric-owner", "--sort=name", "--mtime=@0", "--clamp-mtime"]
        argv += ["--hard-dereference", "--format=pax", "--pax-option=delete=atime,delete=ctime"]
        environ = {"PATH": settings.path}
        await process.run(
            [*argv, "-cf", str(layer), "."], environ=environ, limit=600, what="packing the engine"
        )
        names = await anyio.to_thread.run_sync(_describe, work, image)
        tar = ["tar", "-C", str(work), "-cf", str(target), *names]
        await process.run(tar, environ=environ, limit=600, what="packing the engine")


def _describe(work: Path, image: EngineImage) -> list[str]:
    """Write configuration and manifest beside the layer; gives the names of all three."""
    with (work / "layer.tar").open("rb") as file:
        diff_id = hashlib.file_digest(file, "sha256").hexdigest()
    environ = {"PATH": PATH, **image.environ}
    config = {
        "architecture": recipes.architecture(),
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": {
            "Env": [f"{name}={value}" for name, value in environ.items()],
            "Entrypoint": ["/usr/local/bin/lockage-engine"],
            "Labels": {"io.lockage.engine-image": image.key},
            "Volumes": {"/var/lib/dagger": {}},
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{diff_id}"]},
        "history": [
            {"created": "1970-01-01T00:00:00Z", "created_by": "lockage: Debian packages and the engine"}
        ],
    }
    text = json.dumps(config, sort_keys=True)
    name = f"{hashlib.sha256(text.encode()).hexdigest()}.json"
    (work / name).write_text(text)
    manifest = [{"Config": name, "RepoTags": [NAME], "Layers": ["layer.tar"]}]
    (work / "manifest.json").write_text(json.dumps(manifest))
    return ["manifest.json", name, "layer.tar"]
