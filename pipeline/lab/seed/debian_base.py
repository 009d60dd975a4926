"""A stand-in for `docker.io/library/debian:bookworm-slim`, built from Debian's own packages.

mmdebstrap lays out the same packages (required and essential ones, and apt) from Debian's mirrors. What the official
image leaves out (documentation, manuals, translations, package lists) is left out here too, and apt and dpkg get
equivalent settings for use in containers.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import anyio

from pipeline.errors import EnvironmentProblem
from pipeline.model import Descriptor, Manifest, Platform

from .. import process
from ..engine import emulators
from ..layout.builder import ImageConfig, LayoutBuilder
from ..layout.layers import layer_from_tar
from ..tools import recipes
from ..tools.packages import need
from .layout_cache import SeedContext, layout_manifest
from .official_images import DEBIAN, SUITE

NAME = "debian"
STEP = f"seed {NAME}"
RECIPE = 2  # raise when the result changes without its inputs; part of the key
EPOCH = 1767225600  # 2026-01-01T00:00:00Z: no file time in the image is later
_CREATED = "2026-01-01T00:00:00Z"
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_DEBIAN_ARCHITECTURES = {
    "amd64": "amd64",
    "arm64": "arm64",
    "arm": "armhf",
    "ppc64le": "ppc64el",
    "s390x": "s390x",
}

_KEYRING_PACKAGE = "debian-archive-keyring"
_KEYRING = f"/usr/share/keyrings/{_KEYRING_PACKAGE}.gpg"
_EXCLUDE = tuple(
    f"/usr/share/{name}/*" for name in ("doc", "groff", "info", "lintian", "linda", "locale", "man")
)
_INCLUDE = ("/usr/share/doc/*/copyright",)
_DPKG_OPTIONS = tuple(f"path-exclude={p}" for p in _EXCLUDE) + tuple(f"path-include={p}" for p in _INCLUDE)

# Without it the package that merges a running system is installed, and all of Perl with it.
_MERGED_USR = "/usr/share/mmdebstrap/hooks/merged-usr"

_FOREIGN_SCRIPT = Path(__file__).parent / "foreign.sh"

# unshare ignores SIGTERM while it waits for its child; SIGKILL ends it and everything in it.
_STOPPABLE = '"$@" & trap "kill -KILL $!" TERM INT; wait $!'

# Settings of apt and dpkg for builds: small lists, no kept archives, no services started.
_FILES = {
    "etc/apt/apt.conf.d/docker-autoremove-suggests": 'Apt::AutoRemove::SuggestsImportant "false";\n',
    "etc/apt/apt.conf.d/docker-clean": (
        'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };\n'
        'APT::Update::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };\n'
        'Dir::Cache::pkgcache "";\nDir::Cache::srcpkgcache "";\n'
    ),
    "etc/apt/apt.conf.d/docker-gzip-indexes": 'Acquire::GzipIndexes "true";\n',
    "etc/apt/apt.conf.d/docker-no-languages": 'Acquire::Languages "none";\n',
    "etc/dpkg/dpkg.cfg.d/docker": "\n".join(option.replace("=", " ", 1) for option in _DPKG_OPTIONS) + "\n",
    "etc/dpkg/dpkg.cfg.d/docker-apt-speedup": "force-unsafe-io\n",
    "usr/sbin/policy-rc.d": "#!/bin/sh\nexit 101\n",
}

# Not from the packages: written during the build, different each time, and unused.
_DROP_BELOW = ("dev", "proc", "sys", "tmp", "var/lib/apt/lists")
_DROP = frozenset(
    (
        *(
            "lib32",
            "libo32",
            "libx32",
            "usr/lib32",
            "usr/libo32",
            "usr/libx32",
        ),  # empty, on some architectures only
        "etc/hostname",
        "etc/resolv.conf",
        "etc/apt/apt.conf.d/99mmdebstrap",
        "etc/dpkg/dpkg.cfg.d/99mmdebstrap",
        "var/cache/apt/archives/lock",
        "var/cache/apt/pkgcache.bin",
        "var/cache/apt/srcpkgcache.bin",
        "var/cache/debconf/config.dat-old",
        "var/cache/debconf/templates.dat-old",
        "var/cache/ldconfig/aux-cache",
        "var/lib/dpkg/available",
        "var/lib/dpkg/diversions-old",
        "var/lib/dpkg/status-old",
    )
)


def inputs(platform: Platform) -> dict[str, object]:
    """Everything that determines the image besides the mirrors' current state; the key is a hash over it."""
    return {
        "recipe": RECIPE,
        "platform": str(platform),
        "command": _command(platform, Path("files"), Path("root.tar")),
        "files": _FILES,
        "epoch": EPOCH,
        "left out": [*_DROP_BELOW, *sorted(_DROP)],
    }


async def build(context: SeedContext, layout: LayoutBuilder) -> None:
    """Build the image in `layout`: about half a minute, as root, from Debian's mirrors; four times that for a foreign
    platform, by qemu.

    Raises `EnvironmentProblem` if mmdebstrap is missing or fails; its last lines are the detail.
    """
    if os.geteuid() != 0:
        raise EnvironmentProblem(
            "only root can build a Debian base from packages",
            hint="run as root, or set LOCKAGE_ENGINE=docker where docker.io can be reached",
        )
    settings, report = context.settings, context.report
    await need(
        {"mmdebstrap": "mmdebstrap", "unshare": "util-linux", _KEYRING: _KEYRING_PACKAGE}, settings, report
    )
    foreign = context.platform.architecture != recipes.architecture()
    qemu = await emulators.ensure(settings, report) if foreign else None
    with tempfile.TemporaryDirectory(dir=layout.root, prefix=".base-") as folder:
        work = Path(folder)
        _write_files(work / "files")
        duration = (
            f"for {context.platform}, emulated, about two minutes" if foreign else "about half a minute"
        )
        report(STEP, f"Debian {SUITE} from its packages, {duration}")
        completed = await process.follow(
            _command(context.platform, work / "files", work / "root.tar", qemu),
            environ=settings.child_environ("debian", {"SOURCE_DATE_EPOCH": str(EPOCH), "TMPDIR": str(work)}),
            on_line=lambda line: report(STEP, line.removeprefix("I: ")) if line.startswith("I: ") else None,
        )
        if completed.code != 0:
            raise EnvironmentProblem(
                f"the Debian base could not be built: mmdebstrap exited with code {completed.code}",
                hint="check the network and the disk, then run the same command again",
                detail=process.tail(completed.stderr),
            )
        report(STEP, "packing the Debian base")
        await anyio.to_thread.run_sync(_pack, layout, work / "root.tar", context.platform)


def _write_files(root: Path) -> None:
    for path, content in _FILES.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        file.chmod(0o755 if path.startswith("usr/sbin/") else 0o644)


def _command(platform: Platform, files: Path, tar: Path, qemu: Path | None = None) -> list[str]:
    foreign: list[str] = []
    if qemu:  # mmdebstrap's own check, arch-test, would only see that qemu was registered
        foreign = ["sh", str(_FOREIGN_SCRIPT), str(qemu), emulators.machine(platform.architecture)]
    return [
        *("sh", "-c", _STOPPABLE, "sh"),
        # In namespaces: whatever ends the first process ends all of them, and no mount outlives it.
        *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", *foreign, "mmdebstrap"),
        "--mode=root",
        *(["--skip=check/qemu"] if foreign else []),
        "--variant=minbase",
        "--format=tar",
        f"--architectures={_DEBIAN_ARCHITECTURES[platform.architecture]}",
        '--aptopt=Acquire::Languages "none"',
        *(f"--dpkgopt={option}" for option in _DPKG_OPTIONS),
        f"--hook-dir={_MERGED_USR}",
        f"--customize-hook=sync-in {files} /",
        SUITE,
        str(tar),
    ]


def join(layout: LayoutBuilder, parts: Sequence[Path]) -> None:
    """Write one index of images that were built for a platform each; `parts` are their layouts."""
    images: list[Descriptor] = []
    layout.blobs.mkdir(parents=True, exist_ok=True)
    for part in parts:
        blobs = LayoutBuilder(part).blobs
        shutil.copytree(blobs, layout.blobs, copy_function=os.link, dirs_exist_ok=True)
        index = Manifest.parse((blobs / layout_manifest(part).digest.hex).read_bytes())
        images += index.children
    layout.finish(layout.index(images), DEBIAN.tag)


def _pack(layout: LayoutBuilder, tar: Path, platform: Platform) -> None:
    with tar.open("rb") as content:
        layer = layer_from_tar(content, layout.blobs, epoch=EPOCH, keep=belongs_in_layer)
    config = ImageConfig(
        platform=platform,
        created=_CREATED,
        history=(f"Debian {SUITE} (minbase, slim) from its packages, recipe {RECIPE}",),
        env=(_PATH,),
        cmd=("bash",),
    )
    layout.finish(layout.index([layout.image([layer], config)]), DEBIAN.tag)


def belongs_in_layer(path: str) -> bool:
    """Whether a path of a root file system belongs in a layer: nothing that differs from build to build."""
    return path not in _DROP and not any(path.startswith(folder + "/") for folder in _DROP_BELOW)
