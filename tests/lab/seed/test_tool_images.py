"""The stand-ins of the tools run with nothing but themselves: no libc, no shell, no network."""

from __future__ import annotations

import subprocess
from pathlib import Path

import anyio
import pytest

from pipeline.lab.layout.builder import LayoutBuilder
from pipeline.lab.seed import layout_cache, official_images, seeding, tool_images
from pipeline.lab.settings import LabSettings, quiet

from . import images

pytestmark = [pytest.mark.real, pytest.mark.anyio]

SAYS = {
    "hadolint": (["--version"], "2.15.1"),
    "syft": (["version"], "1.18.1"),
    "trivy": (["--version"], "0.74.0"),
    "cosign": (["version"], "v3.1.3"),
    "container-structure-test": (["version"], "v1.22.1"),
}


async def _layout(name: str, settings: LabSettings) -> Path:
    (item,) = [item for item in seeding.items(settings, quiet) if item.name == name]
    return await layout_cache.ensure_layout(item, settings, quiet)


def _run(rootfs: Path, config: dict, arguments: list[str]) -> str:
    """As a runtime would: the image's file system, environment, user, folder and entrypoint; no network."""
    run = config["config"]
    env = dict(pair.split("=", 1) for pair in run["Env"])
    command = ["unshare", "--net", "chroot"]
    if user := run.get("User"):
        command.append(f"--userspec={user}:{user}")
    command += [str(rootfs), *run["Entrypoint"], *arguments]
    # chroot looks the program up on the PATH it is given, inside.
    done = subprocess.run(
        ["/usr/bin/env", "-i", *(f"{k}={v}" for k, v in env.items()), *command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("image", official_images.TOOL_IMAGES, ids=lambda image: image.tool)
async def test_the_image_runs_alone(
    image: official_images.ToolImage, settings: LabSettings, tmp_path: Path
) -> None:
    layout = await _layout(image.tool, settings)
    rootfs = await anyio.to_thread.run_sync(images.unpack, layout, tmp_path / "root")
    config = images.config(layout)
    arguments, version = SAYS[image.tool]
    assert version in _run(rootfs, config, arguments)
    assert (rootfs / image.binary).stat().st_mode & 0o777 == 0o755
    assert (rootfs / "tmp").stat().st_mode & 0o7777 == 0o1777
    assert b"BEGIN CERTIFICATE" in (rootfs / "etc/ssl/certs/ca-certificates.crt").read_bytes()
    programs = {path.relative_to(rootfs).as_posix() for path in (rootfs / "bin").glob("*")}
    assert programs <= {image.binary} and not (rootfs / "lib").exists(), "neither shell nor libc"
    assert config["architecture"] in ("amd64", "arm64") and config["os"] == "linux"


async def test_making_an_image_again_gives_the_same_digest(settings: LabSettings, tmp_path: Path) -> None:
    """The small one: the others are packed by the same code."""
    name = "container-structure-test"
    (item,) = [item for item in seeding.items(settings, quiet) if item.name == name]
    again = LayoutBuilder(tmp_path / "again")
    again.root.mkdir()
    await item.build(again)
    assert layout_cache.layout_manifest(again.root) == layout_cache.layout_manifest(
        await _layout(name, settings)
    )


def test_certificates_are_the_public_ones_only() -> None:
    assert tool_images.certificates().count(b"BEGIN CERTIFICATE") > 50
    local = [p.read_bytes() for p in Path("/usr/local/share/ca-certificates").glob("*.crt")]
    assert not any(own.strip() in tool_images.certificates() for own in local)
