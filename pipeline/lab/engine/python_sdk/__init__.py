"""What the engine needs to run Python modules: an image in its built-in content, under the name "python".

The image has Debian's python3 with dagger-io, uv and the dependencies of Lockage itself (from its lock, by hash), and a
small Dang module that tells the engine how to use them. See `files/`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from pipeline.util.concurrency import run_together

from ... import process
from ...cache import CachedFolder, build_once
from ...settings import LabSettings, StepCallback
from ...tools import uv
from ...tools.debian import SUITE, DebianRoot, lay_out
from ...tools.recipes import architecture

if TYPE_CHECKING:
    from ...layout.layers import TarEntry

STEP = "python modules"
PACKAGES = ("python3", "ca-certificates")
DIGEST_VARIABLE = "DAGGER_PYTHON_SDK_MANIFEST_DIGEST"
_RECIPE = 3  # raise when the result changes without its inputs
_HERE = Path(__file__).parent
_PINS = (_HERE / "requirements.txt", uv.PINS)
_PYTHON = "3.11"  # of Debian bookworm
_SITE_PACKAGES = f"opt/venv/lib/python{_PYTHON}/site-packages"
_PACKAGE = "lockage_module"
_DIGEST_FILE = "manifest-digest"


def key() -> str:
    """Twelve hexadecimal digits over everything that determines the content."""
    total = hashlib.sha256(json.dumps([_RECIPE, architecture(), PACKAGES, SUITE]).encode())
    for path in (*_PINS, *sorted((_HERE / "files").rglob("*"))):
        if path.is_file() and path.suffix != ".pyc":  # bytecode depends on the checkout
            name = path.name if path in _PINS else path.relative_to(_HERE)
            total.update(f"\0{name}\0".encode() + path.read_bytes())
    return total.hexdigest()[:12]


def digest(content: Path) -> str:
    """The digest of the image's manifest, for the engine's environment."""
    return (content / _DIGEST_FILE).read_text().strip()


async def ensure(settings: LabSettings, report: StepCallback) -> Path:
    """The folder with the content (an OCI layout), built now if needed: about a minute, as root.

    Raises `EnvironmentProblem` if Debian packages or Python packages are unavailable.
    """

    async def build(work: Path) -> Path:
        await _build(work, settings, report)
        return work / "content"

    entry = CachedFolder(settings.cache / "python-sdk" / key(), _DIGEST_FILE)
    return await build_once(entry, build, STEP, report)


async def _build(work: Path, settings: LabSettings, report: StepCallback) -> None:
    report(STEP, "building Debian's python3 with dagger-io, about a minute the first time")
    await run_together(
        partial(_install_packages, work / "root", settings, report),
        partial(lay_out, DebianRoot(PACKAGES, "tar"), work / "base.tar", STEP, settings, report),
    )
    await _compile(work, settings)
    report(STEP, "packing")
    await anyio.to_thread.run_sync(_pack, work)


async def _install_packages(root: Path, settings: LabSettings, report: StepCallback) -> None:
    """A virtual environment as `python3 -m venv` creates it, filled from outside."""
    program = await uv.ensure(settings, report)
    site_packages = root / _SITE_PACKAGES
    site_packages.mkdir(parents=True)
    machine = {"amd64": "x86_64", "arm64": "aarch64"}[architecture()]
    argv = [
        *(str(program), "pip", "install", "--quiet", "--no-deps", "--require-hashes"),
        *("--only-binary", ":all:"),
        *("--python-version", _PYTHON, "--python-platform", f"{machine}-manylinux_2_28"),
        *("--link-mode", "copy", "--target", str(site_packages)),
        *(option for path in _PINS for option in ("-r", str(path))),
    ]
    await process.run(
        argv, environ=settings.child_environ("python"), limit=900, purpose="installing dagger-io for modules"
    )
    programs = root / "opt/venv/bin"
    programs.mkdir()
    (site_packages / "bin" / "uv").rename(programs / "uv")
    shutil.rmtree(site_packages / "bin")  # its scripts name the host's interpreter
    shutil.copytree(
        _HERE / "files" / _PACKAGE, site_packages / _PACKAGE, ignore=shutil.ignore_patterns("*.pyc")
    )
    for name in ("python", "python3"):
        (programs / name).symlink_to("/usr/bin/python3")
    (root / "opt/venv/pyvenv.cfg").write_text(f"home = /usr/bin\nversion = {_PYTHON}.2\n")


async def _compile(work: Path, settings: LabSettings) -> None:
    """Compile bytecode with the interpreter that will use it, independent of file times."""
    image = work / "image"
    image.mkdir()
    environ = settings.child_environ("local", {"HOME": "/root"})
    tar = ["tar", "-C", str(image), "-xf", str(work / "base.tar"), "--exclude=./dev/*"]
    await process.run(tar, environ=environ, limit=300, purpose="unpacking Debian's python3")
    shutil.copytree(work / "root/opt", image / "opt", symlinks=True, dirs_exist_ok=True)
    argv = [
        "chroot",
        str(image),
        "/usr/bin/python3",
        "-m",
        "compileall",
        "-q",
    ]  # in one process: there is no /dev/shm
    argv += ["--invalidation-mode", "unchecked-hash", f"/{_SITE_PACKAGES}"]
    await process.run(argv, environ=environ, limit=300, purpose="compiling dagger-io for modules")
    shutil.rmtree(work / "root/opt")
    (image / "opt").rename(work / "root/opt")
    shutil.rmtree(image)


def _pack(work: Path) -> None:
    from pipeline.model import Platform

    from ...layout.builder import ImageConfig, LayoutBuilder
    from ...layout.layers import layer_from_tar, layer_of

    root = work / "root"
    shutil.copytree(_HERE / "files" / "runtime", root / "runtime")
    (root / "usr/local/lib/lockage").mkdir(parents=True)
    for name in ("entry.py", "bytecode.py"):
        shutil.copyfile(_HERE / "files" / name, root / "usr/local/lib/lockage" / name)
    layout = LayoutBuilder(work / "content")
    with (work / "base.tar").open("rb") as tar:
        base = layer_from_tar(tar, layout.blobs, epoch=0, keep=lambda path: not path.startswith("dev/"))
    config = ImageConfig(Platform("linux", architecture()), ("Debian's python3", "dagger-io, uv, runtime"))
    manifest = layout.image([base, layer_of(_entries(root), layout.blobs)], config)
    layout.finish(manifest, "python")
    (layout.root / _DIGEST_FILE).write_text(f"{manifest.digest}\n")


def _entries(root: Path) -> Iterator[TarEntry]:
    from ...layout.layers import TarEntry

    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            yield TarEntry(name, 0o777, str(path.readlink()))
        elif path.is_dir():
            yield TarEntry(name, 0o755)
        else:
            yield TarEntry(name, 0o755 if os.access(path, os.X_OK) else 0o644, path)
