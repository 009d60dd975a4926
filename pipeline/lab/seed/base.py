"""A stand-in for `docker.io/library/debian:bookworm-slim`, made from Debian's own packages.

mmdebstrap lays out the same set of packages (required and essential ones, and apt) from Debian's mirrors;
what the official image's makers leave out (documentation, manuals, translations, package lists) is left out
here too, and their settings of apt and dpkg for use in containers are said again in our own words.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import anyio

from pipeline.errors import EnvironmentProblem
from pipeline.model import Descriptor, Platform

from .. import process
from ..engine import emulators
from ..settings import LabSettings, Report
from ..tools import recipes
from ..tools.packages import need
from .layers import layer_from_tar
from .layout import ImageConfig, SeedLayout

NAME = "debian"
STEP = f"seed {NAME}"
SUITE = "bookworm"
REFERENCE = f"docker.io/library/debian:{SUITE}-slim"
RECIPE = 2  # raise when what is made here changes; it is part of the cache key
EPOCH = 1767225600  # 2026-01-01T00:00:00Z: no file time in the image is later
_CREATED = "2026-01-01T00:00:00Z"
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_DEB_ARCH = {"amd64": "amd64", "arm64": "arm64", "arm": "armhf", "ppc64le": "ppc64el", "s390x": "s390x"}

_KEYRING_PACKAGE = "debian-archive-keyring"
_KEYRING = f"/usr/share/keyrings/{_KEYRING_PACKAGE}.gpg"
_EXCLUDE = tuple(
    f"/usr/share/{name}/*" for name in ("doc", "groff", "info", "lintian", "linda", "locale", "man")
)
_INCLUDE = ("/usr/share/doc/*/copyright",)
_DPKG_OPTIONS = tuple(f"path-exclude={p}" for p in _EXCLUDE) + tuple(f"path-include={p}" for p in _INCLUDE)

# Without it the package that merges a running system comes in, and the whole of Perl with it.
_MERGED_USR = "/usr/share/mmdebstrap/hooks/merged-usr"

_FOREIGN = Path(__file__).parent / "foreign.sh"

# unshare waits for its child without heeding a SIGTERM, and dies of a SIGKILL with everything in it.
_STOPPABLE = '"$@" & trap "kill -KILL $!" TERM INT; wait $!'

# Settings that make apt and dpkg behave in a build: small lists, no kept archives, no services started.
_FILES = {
    "etc/apt/apt.conf.d/docker-autoremove-suggests": 'Apt::AutoRemove::SuggestsImportant "false";\n',
    "etc/apt/apt.conf.d/docker-clean": (
        'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };\n'
        'APT::Update::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };\n'
        'Dir::Cache::pkgcache "";\nDir::Cache::srcpkgcache "";\n'
    ),
    "etc/apt/apt.conf.d/docker-gzip-indexes": 'Acquire::GzipIndexes "true";\n',
    "etc/apt/apt.conf.d/docker-no-languages": 'Acquire::Languages "none";\n',
    "etc/dpkg/dpkg.cfg.d/docker": "\n".join(o.replace("=", " ", 1) for o in _DPKG_OPTIONS) + "\n",
    "etc/dpkg/dpkg.cfg.d/docker-apt-speedup": "force-unsafe-io\n",
    "usr/sbin/policy-rc.d": "#!/bin/sh\nexit 101\n",
}

# Written by the making, not by the packages: different every time, and of no use to anyone.
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
        ),  # empty, by some machines only
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
    """Everything the image depends on beside the mirrors' state of the day; the cache key is made of it."""
    return {
        "recipe": RECIPE,
        "platform": str(platform),
        "command": _command(platform, Path("files"), Path("root.tar")),
        "files": _FILES,
        "epoch": EPOCH,
        "left out": [*_DROP_BELOW, *sorted(_DROP)],
    }


async def build(layout: SeedLayout, platform: Platform, settings: LabSettings, report: Report) -> None:
    """Make the image in `layout`: about half a minute, by root, from Debian's mirrors; for another machine than
    this one by qemu, in four times that.

    Raises `EnvironmentProblem` where mmdebstrap is missing or fails; its last lines are the detail.
    """
    if os.geteuid() != 0:
        raise EnvironmentProblem(
            "only root can make a Debian base from packages",
            hint="run as root, or set LOCKAGE_ENGINE=docker where docker.io can be reached",
        )
    await need(
        {"mmdebstrap": "mmdebstrap", "unshare": "util-linux", _KEYRING: _KEYRING_PACKAGE}, settings, report
    )
    foreign = platform.architecture != recipes.architecture()
    qemu = await emulators.ensure(settings, report) if foreign else None
    with tempfile.TemporaryDirectory(dir=layout.root, prefix=".base-") as folder:
        work = Path(folder)
        for path, content in _FILES.items():
            file = work / "files" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
            file.chmod(0o755 if path.startswith("usr/sbin/") else 0o644)
        long = f"for {platform} from its packages, emulated, about two minutes"
        report(STEP, f"Debian {SUITE} {long if foreign else 'from its packages, about half a minute'}")
        done = await process.follow(
            _command(platform, work / "files", work / "root.tar", qemu),
            environ={
                **settings.environ,
                "PATH": settings.path,
                "SOURCE_DATE_EPOCH": str(EPOCH),
                "TMPDIR": str(work),
            },
            each=lambda line: report(STEP, line.removeprefix("I: ")) if line.startswith("I: ") else None,
        )
        if done.code != 0:
            raise EnvironmentProblem(
                f"the Debian base could not be made: mmdebstrap ended with code {done.code}",
                hint="look at the network and the disk, then run the same command again",
                detail=process.tail(done.err),
            )
        report(STEP, "packing the Debian base")
        await anyio.to_thread.run_sync(_pack, layout, work / "root.tar", platform)


def _command(platform: Platform, files: Path, tar: Path, qemu: Path | None = None) -> list[str]:
    foreign: list[str] = []
    if qemu:  # mmdebstrap asks for arch-test, which says no more than that qemu was registered
        foreign = ["sh", str(_FOREIGN), str(qemu), emulators.machine(platform.architecture)]
    return [
        *("sh", "-c", _STOPPABLE, "sh"),
        # Namespaces of its own: whatever ends this ends all of it, and no mount outlives it.
        *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", *foreign, "mmdebstrap"),
        "--mode=root",
        *(["--skip=check/qemu"] if foreign else []),
        "--variant=minbase",
        "--format=tar",
        f"--architectures={_DEB_ARCH[platform.architecture]}",
        '--aptopt=Acquire::Languages "none"',
        *(f"--dpkgopt={option}" for option in _DPKG_OPTIONS),
        f"--hook-dir={_MERGED_USR}",
        f"--customize-hook=sync-in {files} /",
        SUITE,
        str(tar),
    ]


def join(layout: SeedLayout, parts: Sequence[Path]) -> None:
    """One index over the platforms that were made each for itself; `parts` are their finished layouts."""
    children = []
    for part in parts:
        (layout.root / "blobs").mkdir(exist_ok=True)
        shutil.copytree(part / "blobs", layout.root / "blobs", copy_function=os.link, dirs_exist_ok=True)
        top = Descriptor.from_oci(json.loads((part / "index.json").read_bytes())["manifests"][0])
        inner = json.loads((part / "blobs" / "sha256" / top.digest.hex).read_bytes())
        children += [Descriptor.from_oci(entry) for entry in inner["manifests"]]
    layout.finish(layout.index(children), f"{SUITE}-slim")


def _pack(layout: SeedLayout, tar: Path, platform: Platform) -> None:
    with tar.open("rb") as content:
        layer = layer_from_tar(content, layout.blobs, epoch=EPOCH, keep=kept)
    config = ImageConfig(
        platform=platform,
        created=_CREATED,
        history=(f"Debian {SUITE} (minbase, slim) from its packages, recipe {RECIPE}",),
        env=(_PATH,),
        cmd=("bash",),
    )
    layout.finish(layout.index([layout.image([layer], config)]), f"{SUITE}-slim")


def kept(path: str) -> bool:
    """Whether a path of a laid out root belongs into a layer: not what differs from one making to the next."""
    return path not in _DROP and not any(path.startswith(folder + "/") for folder in _DROP_BELOW)
