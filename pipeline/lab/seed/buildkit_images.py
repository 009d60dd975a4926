"""Stand-ins for BuildKit's official image and for the Dockerfile frontend that `# syntax=` names.

Paths, entry points, environment and labels are those of upstream's own Dockerfiles: stage `buildkit-linux` of
Dockerfile, and frontend/dockerfile/cmd/dockerfile-frontend/Dockerfile. The official image is based on Alpine, this one
on Debian, with Debian's runc and network plugins. It lacks FUSE, `buildctl-daemonless.sh` and
the emulators `buildkit-qemu-*`: builds for foreign platforms need qemu in the kernel's binfmt_misc.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import anyio

from pipeline.model import Platform
from pipeline.util.concurrency import run_together

from ..layout.builder import ImageConfig, LayoutBuilder
from ..layout.layers import TarEntry, layer_from_tar, layer_of, parent_folders
from ..tools import recipes, toolbox
from ..tools.debian import SUITE, DebianRoot, lay_out
from . import official_images
from .debian_base import EPOCH, belongs_in_layer
from .layout_cache import SeedContext
from .tool_images import labels

NAME = "buildkit"
FRONTEND = "dockerfile-frontend"
RECIPE = 2  # raise when the result changes without its inputs; part of the key
STEP = f"seed {NAME}"

_CREATED = "2026-01-01T00:00:00Z"
_ROOT = DebianRoot(
    packages=(
        *("runc", "containernetworking-plugins", "iptables", "mount", "git", "openssh-client"),
        *("ca-certificates", "openssl", "isal", "pigz", "xz-utils"),
    ),
    form="tar",
    variant="essential",  # no apt: nothing is installed in it
)
_ENTRYPOINT_SCRIPT = Path(__file__).parent / "buildkitd-entrypoint.sh"
_PLUGINS = ("bridge", "firewall", "host-local", "loopback")
_LINKS = {  # BuildKit looks on PATH for the programs it ships with, under its own names
    "usr/bin/buildkit-runc": "/usr/sbin/runc",
    **{f"usr/bin/buildkit-cni-{name}": f"/usr/lib/cni/{name}" for name in _PLUGINS},
}
_BINARIES = ("buildctl", "buildkitd")
_FOLDERS = ("etc/buildkit", "etc/buildkit/cdi", "etc/cdi")

# Of the packages' content, what BuildKit does not use: three quarters of the files and half of the bytes. An engine
# unpacks this image before its first build. Perl is for commands of git that BuildKit does not run.
_KEEP_ONLY = {  # folders, and how the names in them begin that are kept
    "usr/lib/cni": _PLUGINS,
    "usr/sbin": ("runc", "iptables", "ip6tables", "xtables"),
    "etc/ssl/certs": ("ca-certificates.crt",),
}
_DROP_BELOW = (
    *(
        "etc/cron.daily/",
        "etc/init.d/",
        "etc/pam.d/",
        "etc/perl/",
        "etc/security/",
        "etc/skel/",
        "etc/systemd/",
    ),
    *("usr/lib/git-core/mergetools/", "usr/lib/systemd/", "usr/lib/terminfo/"),
    *("usr/share/bash-completion/", "usr/share/ca-certificates/", "usr/share/gitweb/", "usr/share/perl"),
    *("var/cache/debconf/", "var/lib/dpkg/", "var/lib/systemd/"),
)
_DROP_NAMES = (
    "dpkg",
    "perl",
    "scalar",
    "git-daemon",
    "git-http-",
    "git-imap-",
    "git-shell",
    "libperl.so",
    "libdb-5",
)
_DROP_OF_MACHINE = frozenset(("gconv", "perl", "perl-base", "security"))  # below usr/lib/<machine>

_FRONTEND_LABELS = {
    "moby.buildkit.frontend.network.none": "true",
    "moby.buildkit.frontend.caps": ",".join(
        f"moby.buildkit.frontend.{name}" for name in ("inputs", "subrequests", "contexts", "gitquerystring")
    ),
}


def inputs(platform: Platform) -> dict[str, object]:
    """Everything that determines BuildKit's image besides the mirrors' current state; the key is a hash over it."""
    return {
        "recipe": RECIPE,
        "platform": str(platform),
        "tool": recipes.key(recipes.tool(NAME)),
        "debian": [SUITE, _ROOT.variant, *_ROOT.packages],
        "links": _LINKS,
        "folders": _FOLDERS,
        "entry": hashlib.sha256(_ENTRYPOINT_SCRIPT.read_bytes()).hexdigest(),
        "epoch": EPOCH,
    }


def frontend_inputs(platform: Platform) -> dict[str, object]:
    """Everything that determines the frontend's image."""
    return {
        "recipe": RECIPE,
        "platform": str(platform),
        "tool": recipes.key(recipes.tool(NAME)),
        "labels": _FRONTEND_LABELS,
    }


async def build(context: SeedContext, layout: LayoutBuilder) -> None:
    """Build BuildKit's image in `layout`: a layer of Debian packages, and one of the compiled tool.

    Raises `EnvironmentProblem` if the tool cannot be compiled or the packages cannot be laid out.
    """
    settings, report = context.settings, context.report
    with tempfile.TemporaryDirectory(dir=layout.root, prefix=".buildkit-") as folder:
        tar = Path(folder) / "root.tar"
        binaries, _ = await run_together(
            partial(toolbox.ensure, NAME, settings, report),
            partial(lay_out, _ROOT, tar, STEP, settings, report),
        )
        report(STEP, f"packing {official_images.BUILDKIT}")
        await anyio.to_thread.run_sync(_pack, layout, tar, binaries, context.platform)


async def build_frontend(context: SeedContext, layout: LayoutBuilder) -> None:
    """Build the frontend's image in `layout`: its one binary and nothing else."""
    binaries = await toolbox.ensure(NAME, context.settings, context.report)
    context.report(f"seed {FRONTEND}", f"packing {official_images.FRONTEND}")
    await anyio.to_thread.run_sync(_pack_frontend, layout, binaries, context.platform)


def _pack(layout: LayoutBuilder, tar: Path, binaries: Path, platform: Platform) -> None:
    with tar.open("rb") as content:
        system = layer_from_tar(content, layout.blobs, epoch=EPOCH, keep=_keep)
    programs = layer_of(_program_entries(binaries), layout.blobs, epoch=EPOCH)
    config = ImageConfig(
        platform=platform,
        created=_CREATED,
        history=(
            f"Debian {SUITE} with what BuildKit runs, from its packages",
            f"buildkitd and buildctl {recipes.BUILDKIT_VERSION}, made by the lab",
        ),
        env=(f"PATH={official_images.SBIN}", "BUILDKIT_SETUP_CGROUPV2_ROOT=1"),
        entrypoint=("/usr/bin/buildkitd-entrypoint",),
        workdir="/",
        volumes=("/var/lib/buildkit",),
        labels=labels(NAME, recipes.BUILDKIT_VERSION, official_images.BUILDKIT),
    )
    image = layout.image([system, programs], config)
    layout.finish(layout.index([image]), official_images.BUILDKIT.tag)


def _program_entries(binaries: Path) -> Iterable[TarEntry]:
    """The binaries, the entry point, and links with the names under which BuildKit finds Debian's programs."""
    files = [TarEntry(f"usr/bin/{name}", 0o755, binaries / name) for name in _BINARIES]
    files.append(TarEntry("usr/bin/buildkitd-entrypoint", 0o755, _ENTRYPOINT_SCRIPT))
    files += [TarEntry(path, 0o777, target) for path, target in _LINKS.items()]
    folders = [TarEntry(path, 0o755) for path in _FOLDERS]
    return [*parent_folders("usr/bin/x", "etc/x"), *folders, *files]


def _keep(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    parts = path.split("/")
    if folder in _KEEP_ONLY:
        return name.startswith(_KEEP_ONLY[folder])
    if parts[:2] == ["usr", "lib"] and len(parts) > 3 and parts[3] in _DROP_OF_MACHINE:
        return False
    return belongs_in_layer(path) and not path.startswith(_DROP_BELOW) and not name.startswith(_DROP_NAMES)


def _pack_frontend(layout: LayoutBuilder, binaries: Path, platform: Platform) -> None:
    path = f"bin/{FRONTEND}"
    layer = layer_of([*parent_folders(path), TarEntry(path, 0o755, binaries / FRONTEND)], layout.blobs)
    version = recipes.FRONTEND_VERSION
    config = ImageConfig(
        platform=platform,
        history=(f"{FRONTEND} {version}, made by the lab",),
        env=(f"PATH={official_images.SBIN}",),
        entrypoint=(f"/{path}",),
        workdir="/",
        labels={**labels(FRONTEND, version, official_images.FRONTEND), **_FRONTEND_LABELS},
    )
    layout.finish(layout.index([layout.image([layer], config)]), official_images.FRONTEND.tag)
