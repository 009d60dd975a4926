"""Stand-ins for BuildKit's official image and for the Dockerfile frontend that `# syntax=` asks it to use.

Paths, entry points, environment and labels are those of upstream's own Dockerfiles: stage `buildkit-linux` of
Dockerfile, and frontend/dockerfile/cmd/dockerfile-frontend/Dockerfile. Around the binaries the official image
has Alpine, this one Debian, with Debian's runc and network plugins. It lacks FUSE, `buildctl-daemonless.sh` and
the emulators `buildkit-qemu-*`: builds for another machine need qemu in the kernel's binfmt_misc.
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

from ..settings import LabSettings, Report
from ..tools import debian, recipes, toolbox
from . import base
from .layers import SeedEntry, folders_above, layer_from_tar, layer_of
from .layout import ImageConfig, SeedLayout
from .tools import SBIN, labels

NAME = "buildkit"
FRONTEND = "dockerfile-frontend"
REFERENCE = f"docker.io/moby/buildkit:v{recipes.BUILDKIT_VERSION}"
FRONTEND_REFERENCE = "docker.io/docker/dockerfile:1"
RECIPE = 1  # raise when what is made here changes without its inputs; it is part of the cache key
STEP = f"seed {NAME}"

_CREATED = "2026-01-01T00:00:00Z"
_VARIANT = "essential"  # no apt: nothing is installed in it
_PACKAGES = (
    *("runc", "containernetworking-plugins", "iptables", "mount", "git", "openssh-client", "ca-certificates"),
    *("openssl", "pigz", "xz-utils"),
)
_ENTRY = Path(__file__).parent / "buildkitd-entrypoint.sh"
_PLUGINS = ("bridge", "firewall", "host-local", "loopback")
_LINKS = {  # BuildKit looks for the programs it ships with on PATH, under names of its own
    "usr/bin/buildkit-runc": "/usr/sbin/runc",
    **{f"usr/bin/buildkit-cni-{name}": f"/usr/lib/cni/{name}" for name in _PLUGINS},
}
_BINARIES = ("buildctl", "buildkitd")
_FOLDERS = ("etc/buildkit", "etc/buildkit/cdi", "etc/cdi")

# Two fifths of the packages' bytes: network plugins that BuildKit does not use, character sets, and the whole of
# Perl, which Debian's git wants for commands that BuildKit does not run.
_PLUGIN_FOLDER = "usr/lib/cni"
_DROP_PARTS = frozenset(("perl", "gconv"))  # below usr/lib/<machine> and usr/share
_DROP_NAMES = "libperl.so"

_FRONTEND_LABELS = {
    "moby.buildkit.frontend.network.none": "true",
    "moby.buildkit.frontend.caps": ",".join(
        f"moby.buildkit.frontend.{name}" for name in ("inputs", "subrequests", "contexts", "gitquerystring")
    ),
}


def inputs(platform: Platform) -> dict[str, object]:
    """Everything BuildKit's image depends on beside the mirrors' state of the day; the cache key is made of it."""
    return {
        "recipe": RECIPE,
        "platform": str(platform),
        "tool": recipes.key(recipes.tool(NAME)),
        "debian": [debian.SUITE, _VARIANT, *_PACKAGES],
        "links": _LINKS,
        "folders": _FOLDERS,
        "entry": hashlib.sha256(_ENTRY.read_bytes()).hexdigest(),
        "epoch": base.EPOCH,
    }


def frontend_inputs(platform: Platform) -> dict[str, object]:
    """Everything the frontend's image depends on."""
    return {
        "recipe": RECIPE,
        "platform": str(platform),
        "tool": recipes.key(recipes.tool(NAME)),
        "labels": _FRONTEND_LABELS,
    }


async def build(layout: SeedLayout, platform: Platform, settings: LabSettings, report: Report) -> None:
    """Make BuildKit's image in `layout`, from Debian's mirrors and the compiled tool: a layer of each.

    Raises `EnvironmentProblem` where the tool cannot be compiled or the packages cannot be laid out.
    """
    with tempfile.TemporaryDirectory(dir=layout.root, prefix=".buildkit-") as folder:
        tar = Path(folder) / "root.tar"
        lay_out = partial(debian.root, tar, _PACKAGES, settings, report, step=STEP, form="tar")
        tools, _ = await run_together(
            partial(toolbox.ensure, NAME, settings, report), partial(lay_out, variant=_VARIANT)
        )
        report(STEP, f"packing {REFERENCE}")
        await anyio.to_thread.run_sync(_pack, layout, tar, tools, platform)


async def build_frontend(
    layout: SeedLayout, platform: Platform, settings: LabSettings, report: Report
) -> None:
    """Make the frontend's image in `layout`: its one binary and nothing else."""
    tools = await toolbox.ensure(NAME, settings, report)
    report(f"seed {FRONTEND}", f"packing {FRONTEND_REFERENCE}")
    await anyio.to_thread.run_sync(_pack_frontend, layout, tools, platform)


def _pack(layout: SeedLayout, tar: Path, tools: Path, platform: Platform) -> None:
    with tar.open("rb") as content:
        system = layer_from_tar(content, layout.blobs, epoch=base.EPOCH, keep=_kept)
    programs = layer_of(_programs(tools), layout.blobs, epoch=base.EPOCH)
    config = ImageConfig(
        platform=platform,
        created=_CREATED,
        history=(
            f"Debian {debian.SUITE} with what BuildKit runs, from its packages",
            f"buildkitd and buildctl {recipes.BUILDKIT_VERSION}, made by the lab",
        ),
        env=(f"PATH={SBIN}", "BUILDKIT_SETUP_CGROUPV2_ROOT=1"),
        entrypoint=("/usr/bin/buildkitd-entrypoint",),
        workdir="/",
        volumes=("/var/lib/buildkit",),
        labels=labels(NAME, recipes.BUILDKIT_VERSION, REFERENCE),
    )
    image = layout.image([system, programs], config)
    layout.finish(layout.index([image]), REFERENCE.rpartition(":")[2])


def _programs(tools: Path) -> Iterable[SeedEntry]:
    """The binaries, the entry point, and the names under which BuildKit finds Debian's programs."""
    files = [SeedEntry(f"usr/bin/{name}", 0o755, tools / name) for name in _BINARIES]
    files.append(SeedEntry("usr/bin/buildkitd-entrypoint", 0o755, _ENTRY))
    files += [SeedEntry(path, 0o777, target) for path, target in _LINKS.items()]
    folders = [SeedEntry(path, 0o755) for path in _FOLDERS]
    return [*folders_above("usr/bin/x", "etc/x"), *folders, *files]


def _kept(path: str) -> bool:
    if not base.kept(path):
        return False
    folder, _, name = path.rpartition("/")
    if folder == _PLUGIN_FOLDER:
        return name in _PLUGINS
    parts = path.split("/")
    if parts[:2] == ["usr", "lib"]:
        return len(parts) < 4 or not (parts[3] in _DROP_PARTS or name.startswith(_DROP_NAMES))
    return parts[:2] != ["usr", "share"] or len(parts) < 3 or parts[2] not in _DROP_PARTS


def _pack_frontend(layout: SeedLayout, tools: Path, platform: Platform) -> None:
    path = f"bin/{FRONTEND}"
    layer = layer_of([*folders_above(path), SeedEntry(path, 0o755, tools / FRONTEND)], layout.blobs)
    version = recipes.FRONTEND_VERSION
    config = ImageConfig(
        platform=platform,
        history=(f"{FRONTEND} {version}, made by the lab",),
        env=(f"PATH={SBIN}",),
        entrypoint=(f"/{path}",),
        workdir="/",
        labels={**labels(FRONTEND, version, FRONTEND_REFERENCE), **_FRONTEND_LABELS},
    )
    layout.finish(layout.index([layout.image([layer], config)]), FRONTEND_REFERENCE.rpartition(":")[2])
