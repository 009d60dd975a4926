"""The stand-ins of BuildKit's images: what their makers promise of them is there, and the daemon starts."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

import anyio
import pytest

from pipeline.lab.seed import buildkit_images, layout_cache, seeding
from pipeline.lab.settings import LabSettings, quiet

from . import images

pytestmark = pytest.mark.real

PROGRAMS = (
    *("buildkitd", "buildctl", "buildkit-runc", "runc", "iptables", "ip6tables", "git", "ssh", "openssl"),
    *(
        "sh",
        "cat",
        "cut",
        "grep",
        "sed",
        "awk",
        "flock",
        "mount",
        "umount",
        "unshare",
        "tar",
        "pigz",
        "unpigz",
        "igzip",
    ),
    *(
        "xz",
        "buildkit-cni-bridge",
        "buildkit-cni-loopback",
        "buildkit-cni-host-local",
        "buildkit-cni-firewall",
    ),
)
VERSIONS = (
    "buildkitd --version && buildctl --version && runc --version && iptables --version && git --version"
)
# A container's devices, /proc and /sys; gone with the namespaces, and so is whatever was started.
INSIDE = """
cd "$0"
for device in null zero full random urandom; do
    touch "dev/$device"
    mount --bind "/dev/$device" "dev/$device"
done
mount -t proc proc proc
mount --rbind /sys sys
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
exec chroot . sh -ec "$1"
"""
SERVES = """
buildkitd --addr unix:///run/b.sock --root /tmp/state --oci-worker-net=bridge > /tmp/log 2>&1 &
for _ in $(seq 300); do
    buildctl --addr unix:///run/b.sock debug workers --verbose 2> /dev/null && exit
    sleep 0.1
done
cat /tmp/log >&2
exit 1
"""


def _layout(name: str, settings: LabSettings) -> Path:
    (item,) = [item for item in seeding.items(settings, quiet) if item.name == name]
    return anyio.run(layout_cache.ensure_layout, item, settings, quiet)


def _run(rootfs: Path, environ: list[str], script: str) -> str:
    """What the script prints in the image, with the image's variables, as a container without a network."""
    command = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "env", "-i", *environ]
    done = subprocess.run(
        [*command, "sh", "-ec", INSIDE, str(rootfs), script],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_buildkit_starts_with_all_it_looks_for(settings: LabSettings, tmp_path: Path) -> None:
    layout = _layout(buildkit_images.NAME, settings)
    config = images.config(layout)["config"]
    assert config["Entrypoint"] == ["/usr/bin/buildkitd-entrypoint"]
    assert config["Volumes"] == {"/var/lib/buildkit": {}}
    assert "BUILDKIT_SETUP_CGROUPV2_ROOT=1" in config["Env"]
    assert len(images.manifest(layout)["layers"]) == 2

    rootfs = images.unpack(layout, tmp_path / "root")
    missing = f"for name in {' '.join(PROGRAMS)}; do command -v $name > /dev/null || echo $name; done"
    assert _run(rootfs, config["Env"], missing) == ""
    versions = _run(rootfs, config["Env"], VERSIONS)
    assert versions.count(" v0.32.2") == 2 and "runc version" in versions and "iptables v" in versions
    # `bridge` is refused unless the plugins are found and set up a network.
    workers = _run(rootfs, config["Env"], SERVES)
    assert "org.mobyproject.buildkit.worker.network:\t\tcni" in workers
    assert "Dockerfile:\t1.26" in workers
    assert "v0.32.2" in _run(rootfs, config["Env"], "buildkitd-entrypoint --version")


def test_buildkit_trusts_public_authorities_only(settings: LabSettings, tmp_path: Path) -> None:
    layout = _layout(buildkit_images.NAME, settings)
    rootfs = images.unpack(layout, tmp_path / "root")
    trusted = (rootfs / "etc/ssl/certs/ca-certificates.crt").read_text()
    assert trusted.count("BEGIN CERTIFICATE") > 50
    own = [path.read_text().strip() for path in Path("/usr/local/share/ca-certificates").glob("*.crt")]
    assert not any(text in trusted for text in own)


def test_buildkit_is_no_larger_than_it_must_be(settings: LabSettings) -> None:
    layout = _layout(buildkit_images.NAME, settings)
    layers = images.manifest(layout)["layers"]
    assert sum(layer["size"] for layer in layers) < 70e6
    names: set[str] = set()
    for layer in layers:
        with tarfile.open(layout / "blobs/sha256" / layer["digest"].removeprefix("sha256:")) as tar:
            names |= set(tar.getnames())
    assert {name for name in names if name.startswith("usr/lib/cni/")} == {
        f"usr/lib/cni/{name}" for name in ("bridge", "firewall", "host-local", "loopback")
    }
    assert len(names) < 1500
    unused = ("usr/share/perl", "usr/bin/apt", "usr/bin/perl", "var/lib/dpkg/", "var/log/")
    assert not {name for name in names if name.startswith(unused)}


def test_the_frontend_is_one_binary(settings: LabSettings, tmp_path: Path) -> None:
    layout = _layout(buildkit_images.FRONTEND, settings)
    rootfs = images.unpack(layout, tmp_path / "root")
    assert [path for path in rootfs.rglob("*") if path.is_file()] == [rootfs / "bin/dockerfile-frontend"]
    config = images.config(layout)["config"]
    assert config["Entrypoint"] == ["/bin/dockerfile-frontend"]
    assert config["Labels"]["moby.buildkit.frontend.network.none"] == "true"
    caps = config["Labels"]["moby.buildkit.frontend.caps"].split(",")
    assert "moby.buildkit.frontend.contexts" in caps and "moby.buildkit.frontend.inputs" in caps
    command = ["unshare", "--net", "chroot", str(rootfs), "/bin/dockerfile-frontend", "-version"]
    assert " 1.26.0 " in subprocess.run(command, capture_output=True, text=True, check=True).stdout
