"""What the engine needs to run Python modules: an image in its built-in content, under the name "python".

The image is Debian's python3 with dagger-io, uv and the dependencies of Lockage itself (from its lock, by
hash), and a small Dang module that tells the engine how to use them. See `files/`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import anyio

from pipeline.util.concurrency import run_together
from pipeline.util.file_lock import locked

from ... import process
from ...settings import LabSettings, Report
from ...tools import debian, uv
from ...tools.recipes import architecture

STEP = "python modules"
PACKAGES = ("python3", "ca-certificates")
ENVIRONMENT = "DAGGER_PYTHON_SDK_MANIFEST_DIGEST"
_RECIPE = 1  # raise when what is made here changes without its inputs
_HERE = Path(__file__).parent
_PINS = (_HERE / "requirements.txt", uv.PINS)
_PYTHON = "3.11"  # of Debian bookworm
_VENV = f"opt/venv/lib/python{_PYTHON}/site-packages"
_DIGEST = "manifest-digest"


def key() -> str:
    """Twelve hex digits over everything that decides the content."""
    total = hashlib.sha256(json.dumps([_RECIPE, architecture(), PACKAGES, debian.SUITE]).encode())
    for path in (*_PINS, *sorted((_HERE / "files").rglob("*"))):
        if path.is_file() and path.suffix != ".pyc":  # which is of the checkout it was compiled in
            name = path.name if path in _PINS else path.relative_to(_HERE)
            total.update(f"\0{name}\0".encode() + path.read_bytes())
    return total.hexdigest()[:12]


def digest(content: Path) -> str:
    """The digest of the image's manifest, for the engine's environment."""
    return (content / _DIGEST).read_text().strip()


async def ensure(settings: LabSettings, report: Report) -> Path:
    """The folder with the content (an OCI layout), made now if need be: about a minute, by root.

    Raises `EnvironmentProblem` when Debian's packages or the Python ones cannot be had.
    """
    folder = settings.cache / "python-sdk"
    final = folder / key()
    folder.mkdir(parents=True, exist_ok=True)
    async with locked(folder / ".lock", STEP, lambda who: report(STEP, f"waiting for {who}")):
        if (final / _DIGEST).is_file():
            return final
        for stale in folder.glob(".new-*"):
            shutil.rmtree(stale, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=folder) as temporary:
            work = Path(temporary)
            await _make(work, settings, report)
            shutil.rmtree(final, ignore_errors=True)
            (work / "content").rename(final)
    return final


async def _make(work: Path, settings: LabSettings, report: Report) -> None:
    report(STEP, "making Debian's python3 with dagger-io, about a minute the first time")
    base = work / "base.tar"
    await run_together(
        partial(_packages, work / "root", settings, report),
        partial(debian.root, base, PACKAGES, settings, report, step=STEP, form="tar"),
    )
    await _compile(work, settings)
    report(STEP, "packing")
    await anyio.to_thread.run_sync(_pack, work)


async def _packages(root: Path, settings: LabSettings, report: Report) -> None:
    """A virtual environment as `python3 -m venv` makes it, filled from outside."""
    program = await uv.ensure(settings, report)
    site = root / _VENV
    site.mkdir(parents=True)
    pins = [word for path in _PINS for word in ("-r", str(path))]
    argv = [
        str(program),
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--require-hashes",
        "--only-binary",
        ":all:",
    ]
    machine = {"amd64": "x86_64", "arm64": "aarch64"}[architecture()]
    argv += ["--python-version", _PYTHON, "--python-platform", f"{machine}-manylinux_2_28"]
    argv += ["--link-mode", "copy", "--target", str(site), *pins]
    environ = {**settings.environ, "PATH": settings.path}
    await process.run(argv, environ=environ, limit=900, what="installing dagger-io for modules")
    programs = root / "opt/venv/bin"
    programs.mkdir()
    (site / "bin" / "uv").rename(programs / "uv")
    shutil.rmtree(site / "bin")  # start lines of the host's interpreter
    for name in ("python", "python3"):
        (programs / name).symlink_to("/usr/bin/python3")
    (root / "opt/venv/pyvenv.cfg").write_text(f"home = /usr/bin\nversion = {_PYTHON}.2\n")


async def _compile(work: Path, settings: LabSettings) -> None:
    """Bytecode by the very interpreter that will use it, independent of file times."""
    image = work / "image"
    image.mkdir()
    environ = {"PATH": settings.path, "HOME": "/root"}
    tar = ["tar", "-C", str(image), "-xf", str(work / "base.tar"), "--exclude=./dev/*"]
    await process.run(tar, environ=environ, limit=300, what="unpacking Debian's python3")
    shutil.copytree(work / "root/opt", image / "opt", symlinks=True, dirs_exist_ok=True)
    argv = ["chroot", str(image), "/usr/bin/python3", "-m", "compileall", "-q", "-j", "2"]
    argv += ["--invalidation-mode", "unchecked-hash", f"/{_VENV}"]
    await process.run(argv, environ=environ, limit=300)  # a template that is no Python is not an error
    shutil.rmtree(work / "root/opt")
    (image / "opt").rename(work / "root/opt")
    shutil.rmtree(image)


def _pack(work: Path) -> None:
    from pipeline.model import Platform

    from ...seed.layers import SeedEntry, layer_from_tar, layer_of
    from ...seed.layout import ImageConfig, SeedLayout

    root = work / "root"
    shutil.copytree(_HERE / "files" / "runtime", root / "runtime")
    (root / "usr/local/lib/lockage").mkdir(parents=True)
    shutil.copyfile(_HERE / "files" / "entry.py", root / "usr/local/lib/lockage/entry.py")

    def entries() -> Iterator[SeedEntry]:
        for path in sorted(root.rglob("*")):
            name = path.relative_to(root).as_posix()
            if path.is_symlink():
                yield SeedEntry(name, 0o777, str(path.readlink()))
            elif path.is_dir():
                yield SeedEntry(name, 0o755)
            else:
                yield SeedEntry(name, 0o755 if os.access(path, os.X_OK) else 0o644, path)

    layout = SeedLayout(work / "content")
    with (work / "base.tar").open("rb") as tar:
        base = layer_from_tar(tar, layout.blobs, epoch=0, keep=lambda path: not path.startswith("dev/"))
    config = ImageConfig(Platform("linux", architecture()), ("Debian's python3", "dagger-io, uv, runtime"))
    manifest = layout.image([base, layer_of(entries(), layout.blobs)], config)
    layout.finish(manifest, "python")
    (layout.root / _DIGEST).write_text(f"{manifest.digest}\n")
