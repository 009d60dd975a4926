"""Stand-ins for the official images of the tools, around binaries that the lab built.

Path of the binary, entrypoint, user and environment are those of the official images, so a step that works here works
with those. Everything else in them is left out: there is no shell, no libc and no git, so a step has to call the
binary directly.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import anyio

from pipeline.errors import EnvironmentProblem
from pipeline.model import Platform, Reference

from ..layout.builder import ImageConfig, LayoutBuilder
from ..layout.layers import TarEntry, layer_of, parent_folders
from ..tools import recipes, toolbox
from .layout_cache import SeedContext
from .official_images import CA_FILE, NONROOT, ToolImage

RECIPE = 1  # raise when the result changes without its inputs; part of the key

# Mozilla's list as Debian packages it; the machine's own additions stay out of an image.
_CA_FOLDER = Path("/usr/share/ca-certificates/mozilla")
_CA_BUNDLES = (Path("/etc/ssl/certs/ca-certificates.crt"), Path("/etc/pki/tls/certs/ca-bundle.crt"))


def inputs(image: ToolImage, platform: Platform) -> dict[str, object]:
    """Everything that determines the image; the key is a hash over it."""
    return {
        "recipe": RECIPE,
        "image": repr(image),
        "tool": recipes.key(recipes.tool(image.tool)),
        "platform": str(platform),
        "certificates": hashlib.sha256(certificates()).hexdigest(),
    }


async def build(image: ToolImage, context: SeedContext, layout: LayoutBuilder) -> None:
    """Build the image in `layout`, compiling the tool first unless the cache has it."""
    folder = await toolbox.ensure(image.tool, context.settings, context.report)
    binary = folder / image.tool
    if not binary.is_file():
        raise EnvironmentProblem(
            f"{folder} does not contain {image.tool}",
            hint=f"remove {folder}, then run the same command again",
        )
    context.report(f"seed {image.tool}", f"packing {image.reference}")
    await anyio.to_thread.run_sync(_pack, image, layout, binary, context.platform)


def _pack(image: ToolImage, layout: LayoutBuilder, binary: Path, platform: Platform) -> None:
    system = layer_of(_system_entries(), layout.blobs)
    tool = layer_of([*parent_folders(image.binary), TarEntry(image.binary, 0o755, binary)], layout.blobs)
    recipe = recipes.tool(image.tool)
    config = ImageConfig(
        platform=platform,
        history=("certificates, accounts, /tmp", f"{image.tool} {recipe.version}, made by the lab"),
        env=image.env,
        entrypoint=image.entrypoint,
        user=image.user,
        workdir=image.workdir,
        labels=labels(image.tool, recipe.version, image.official),
    )
    layout.finish(layout.index([layout.image([system, tool], config)]), image.official.tag)


def labels(title: str, version: str, reference: Reference) -> dict[str, str]:
    """The labels of a stand-in: its content, and that it is not the official image."""
    return {
        "org.opencontainers.image.title": title,
        "org.opencontainers.image.version": version,
        "org.opencontainers.image.description": f"Lockage's stand-in for {reference}, for machines where no "
        "container registry is reachable",
    }


def certificates() -> bytes:
    """The public certificate authorities as one PEM text; empty if the machine has none."""
    if paths := sorted(_CA_FOLDER.glob("*.crt")):
        return b"".join(path.read_bytes() for path in paths)
    for bundle in _CA_BUNDLES:
        if bundle.is_file():
            return bundle.read_bytes()
    return b""


def _system_entries() -> tuple[TarEntry, ...]:
    passwd = (
        "root:x:0:0:root:/root:/sbin/nologin\n"
        "nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n"
        f"nonroot:x:{NONROOT}:{NONROOT}:nonroot:/home/nonroot:/sbin/nologin\n"
    )
    group = f"root:x:0:\nnobody:x:65534:\nnonroot:x:{NONROOT}:\n"
    return (
        *parent_folders(CA_FILE),
        TarEntry(CA_FILE, 0o644, certificates()),
        TarEntry("etc/passwd", 0o644, passwd.encode()),
        TarEntry("etc/group", 0o644, group.encode()),
        TarEntry("etc/nsswitch.conf", 0o644, b"hosts: files dns\n"),
        TarEntry("home", 0o755),
        TarEntry("home/nonroot", 0o700, uid=NONROOT, gid=NONROOT),
        TarEntry("root", 0o700),
        TarEntry("tmp", 0o1777),
    )
