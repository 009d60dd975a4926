"""The engine's root file system, run by Docker or in namespaces.

It contains Debian packages, the binaries that the toolbox compiled, and what the engine needs for Python modules.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import MappingProxyType

import anyio

from pipeline.errors import EnvironmentProblem
from pipeline.model import Repository
from pipeline.util.concurrency import run_together
from pipeline.util.dataclass import dataclass

from ..cache import CachedFolder, build_once
from ..settings import LabSettings, StepCallback
from ..tools import recipes, toolbox
from ..tools.debian import SUITE, DebianRoot, lay_out
from . import python_sdk

STEP = "engine image"
ENGINE_REFERENCE = Repository("registry.dagger.io", "engine").tagged(f"v{recipes.ENGINE_VERSION}")
KEY_LABEL = "io.lockage.engine-image"
ENTRYPOINT = "usr/local/bin/lockage-engine"
PACKAGES = (
    *("ca-certificates", "openssl", "runc", "iptables", "dnsmasq-base", "containernetworking-plugins"),
    *("tini", "git", "openssh-client", "xz-utils"),
    *("isal", "pigz"),  # containerd unpacks layers with isal's igzip, in a third of the time of pigz
)
_RECIPE = 2  # raise when the result changes without its inputs
_SCRIPTS = {  # where each belongs
    ENTRYPOINT: Path(__file__).parent / "entry.sh",
    "usr/local/sbin/update-ca-certificates": Path(__file__).parent / "update-ca-certificates.sh",
}
# GOGC, per cent of growth between collections of garbage: by default, 100, they take a quarter of a module's call.
_GARBAGE_GROWTH = "300"
_RECORD = "image.json"
_KEPT_IMAGES = 3  # this version's, and those of other checkouts
_RECENT = 3600.0  # seconds in which another process may be about to start one

_BINARIES = {  # where the engine and its clients look, and which of our binaries belongs there
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


def engine_image_key() -> str:
    """Twelve hexadecimal digits over everything that determines the image."""
    scripts = {path: script.read_text() for path, script in _SCRIPTS.items()}
    parts = [_RECIPE, SUITE, PACKAGES, _BINARIES, _LINKS, scripts, python_sdk.key()]
    total = hashlib.sha256(json.dumps([*parts, recipes.key(recipes.tool("engine"))]).encode())
    return total.hexdigest()[:12]


def cached_engine_image(settings: LabSettings) -> EngineImage | None:
    """The unpacked image if the cache has it."""
    return _read(_entry(settings).path)


def _entry(settings: LabSettings) -> CachedFolder:
    return CachedFolder(settings.cache / "engine" / engine_image_key(), _RECORD)


def _read(folder: Path) -> EngineImage | None:
    try:
        variables = json.loads((folder / _RECORD).read_text())
        environ = {str(name): str(value) for name, value in variables.items()}
    except (OSError, ValueError, AttributeError):
        return None
    return EngineImage(folder / "root", MappingProxyType(environ), folder.name)


async def ensure_engine_image(settings: LabSettings, report: StepCallback) -> EngineImage:
    """The unpacked image, built now if needed: compiles the engine while Debian packages are laid out.

    Raises `EnvironmentProblem` if one of its parts is unavailable.
    """
    entry = _entry(settings)
    if image := _read(entry.path):
        with suppress(OSError):  # a read-only cache: its owner prunes it
            os.utime(entry.path)
        return image

    async def build(work: Path) -> Path:
        await _build(work / "image", settings, report)
        await anyio.to_thread.run_sync(prune, entry.path.parent, _KEPT_IMAGES - 1)
        return work / "image"

    path = await build_once(entry, build, STEP, report)
    if image := _read(path):
        report(STEP, f"ready, kept in {path}")
        return image
    raise EnvironmentProblem(
        f"{path} is damaged", hint=f"remove it (rm -r {path}), then run the same command again"
    )


def prune(folder: Path, keep: int = _KEPT_IMAGES) -> None:
    """Remove all images but the `keep` started last, those of the last hour, and those that an engine runs on."""
    images = sorted(folder.glob("[!.]*/"), key=lambda path: path.stat().st_mtime)
    for image in images[:-keep]:
        if time.time() - image.stat().st_mtime > _RECENT and not _in_use(image):
            aside = folder / f".new-{image.name}"  # if this is interrupted, the next build removes it
            image.rename(aside)
            shutil.rmtree(aside, ignore_errors=True)


def _in_use(image: Path) -> bool:
    """Whether any process has it mounted; engines do, in their own mount namespaces."""
    escaped = str(image).replace(" ", r"\040")  # proc(5), mountinfo
    mounted = re.compile(rf"[=:]{re.escape(escaped)}[/:,]".encode())
    for mounts in Path("/proc").glob("[0-9]*/mountinfo"):
        with suppress(OSError):  # the process has ended
            if mounted.search(mounts.read_bytes()):
                return True
    return False


async def _build(image: Path, settings: LabSettings, report: StepCallback) -> None:
    await anyio.Path(image).mkdir()
    root = image / "root"
    report(STEP, "laying out Debian packages for the engine, about half a minute")
    packages = DebianRoot(PACKAGES, "directory")
    binaries, content, _ = await run_together(
        partial(toolbox.ensure, "engine", settings, report),
        partial(python_sdk.ensure, settings, report),
        partial(lay_out, packages, root, STEP, settings, report),
    )
    report(STEP, "assembling the engine")
    await anyio.to_thread.run_sync(_assemble, root, binaries, content)
    environ = {python_sdk.DIGEST_VARIABLE: python_sdk.digest(content), "GOGC": _GARBAGE_GROWTH}
    (image / _RECORD).write_text(json.dumps(environ) + "\n")


def _assemble(root: Path, binaries: Path, content: Path) -> None:
    for path, name in _BINARIES.items():
        _link_or_copy(binaries / name, root / path)
    for path, script in _SCRIPTS.items():
        shutil.copy(script, root / path)
        (root / path).chmod(0o755)
    for path, target in _LINKS.items():
        link = root / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    shutil.copytree(content, root / "usr/local/share/dagger/content", copy_function=_link_or_copy)
    shutil.rmtree(root / "dev", ignore_errors=True)  # device nodes are created where it runs
    (root / "dev").mkdir(exist_ok=True)
    for path in ("etc/resolv.conf", "etc/hostname"):
        (root / path).unlink(missing_ok=True)


def _link_or_copy(source: str | Path, target: str | Path) -> None:
    """A hard link if the cache is one file system: the engine has a hundred megabytes."""
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
