"""The stand-in of Debian's official image: its packages, its absences, and apt at work in it."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from pipeline.lab.layout.builder import LayoutBuilder
from pipeline.lab.layout.layers import TarEntry, parent_folders
from pipeline.lab.seed import debian_base, layout_cache, seeding, vulnerability_database
from pipeline.lab.seed.layout_cache import SeedContext
from pipeline.lab.settings import LabSettings, quiet

from . import images
from .conftest import Program

pytestmark = [pytest.mark.real, pytest.mark.anyio]


@pytest.fixture
async def layout(settings: LabSettings) -> Path:
    """The base as seeding makes it, or made it before."""
    (item,) = [item for item in seeding.items(settings, quiet) if item.name == debian_base.NAME]
    return await layout_cache.ensure_layout(item, settings, quiet)


async def test_it_holds_what_the_official_one_holds(layout: Path) -> None:
    (layer,) = images.manifest(layout)["layers"]
    with tarfile.open(layout / "blobs/sha256" / layer["digest"].removeprefix("sha256:")) as tar:
        members = {m.name: m for m in tar}
    assert {"etc/debian_version", "etc/os-release", "usr/bin/apt-get", "usr/bin/dash", "usr/bin/bash"} <= set(
        members
    )
    assert "etc/apt/sources.list" in members
    assert {members[n].linkname for n in ("bin", "sbin", "lib")} == {"usr/bin", "usr/sbin", "usr/lib"}
    gone = (
        "usr/share/man/",
        "usr/share/locale/",
        "var/lib/apt/lists/",
        "dev/",
        "proc/",
        "tmp/",
    )
    assert [n for n in members if n.startswith(gone) and members[n].isreg()] == []
    docs = [n for n in members if n.startswith("usr/share/doc/") and members[n].isreg()]
    assert docs and all(n.endswith("/copyright") for n in docs)
    assert not any(m.isdev() for m in members.values())
    assert max(m.mtime for m in members.values()) == debian_base.EPOCH
    assert not {"etc/resolv.conf", "etc/hostname", "var/lib/dpkg/info/usrmerge.list"} & set(members)
    size = sum(m.size for m in members.values())
    assert 60e6 < size < 100e6, f"{size} bytes"
    assert images.config(layout)["config"]["Cmd"] == ["bash"]


async def test_apt_installs_in_it(layout: Path, tmp_path: Path) -> None:
    root = await anyio.to_thread.run_sync(images.unpack, layout, tmp_path / "root")
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    for name in ("null", "zero", "random", "urandom"):
        (root / "dev" / name).touch()
    # A build container's devices and /proc, gone with the namespace.
    script = (
        f"cd {root} && for d in null zero random urandom; do mount --bind /dev/$d dev/$d; done"
        " && mount -t proc proc proc && exec chroot . /bin/sh -ec '"
        "apt-get update -q && apt-get install -q -y --no-install-recommends netbase"
        " && find /var/cache/apt -name *.deb && dpkg-query -W netbase && cat /etc/debian_version'"
    )
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", script]
    done = await anyio.run_process(command, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, check=False)
    stdout = done.stdout.decode()
    assert done.returncode == 0, stdout + done.stderr.decode()
    *_, before, package, release = stdout.splitlines()
    assert package.startswith("netbase\t") and release.startswith("12.")
    assert not before.endswith(".deb"), "archives are not kept"


async def test_a_cancelled_making_leaves_no_process_and_no_mount(
    settings: LabSettings, tmp_path: Path
) -> None:
    making = anyio.Event()

    def report(step: str, detail: str) -> None:
        if "using" in detail:
            making.set()

    layout = LayoutBuilder(tmp_path / "layout")
    layout.root.mkdir()
    async with anyio.create_task_group() as group:
        group.start_soon(debian_base.build, SeedContext(images.AMD64, settings, report), layout)
        await making.wait()
        group.cancel_scope.cancel()
    assert list(layout.root.iterdir()) == []
    assert _traces(layout.root) == []


def _traces(folder: Path) -> list[str]:
    """Mounts and processes that name a folder."""
    mounts = [line for line in Path("/proc/mounts").read_text().splitlines() if str(folder) in line]
    found = subprocess.run(["pgrep", "-af", str(folder)], capture_output=True, text=True, check=False)
    return mounts + found.stdout.splitlines()


async def test_scanners_know_it_without_a_network(
    layout: Path, tmp_path: Path, settings: LabSettings, program: Program, offline: Callable[..., str]
) -> None:
    tar = images.archive(images.flat(layout, tmp_path / "flat"), tmp_path / "base.tar")
    outputs = {"cyclonedx-json@1.6": "b.cdx.json", "spdx-json@2.3": "b.spdx.json", "syft-json": "b.syft.json"}
    wanted = [part for form, name in outputs.items() for part in ("-o", f"{form}={tmp_path / name}")]
    for kind in ("oci-archive", "docker-archive"):
        env = {"SYFT_CHECK_FOR_APP_UPDATE": "false"}
        offline(program("syft"), "scan", f"{kind}:{tar}", "-q", *wanted, env=env)
        cyclonedx, spdx, syft = (json.loads((tmp_path / name).read_bytes()) for name in outputs.values())
        assert cyclonedx["specVersion"] == "1.6" and spdx["spdxVersion"] == "SPDX-2.3"
        assert {"apt", "bash", "perl-base"} <= {a["name"] for a in syft["artifacts"]}
    cache = tmp_path / "cache"
    (cache / "db").mkdir(parents=True)
    await vulnerability_database.write(cache / "db", settings, quiet)
    common = ("--cache-dir", cache, "--skip-db-update", "--offline-scan", "--skip-version-check", "--quiet")
    report = offline(
        program("trivy"), "image", "--input", tar, "--scanners", "vuln", *common, "--format", "json"
    )
    found = json.loads(report)
    assert found["Metadata"]["OS"]["Family"] == "debian"
    hits = {v["VulnerabilityID"]: v["PkgName"] for v in found["Results"][0]["Vulnerabilities"]}
    assert hits == {"CVE-2099-0002": "perl-base", "CVE-2099-0003": "base-files"}
    again = offline(program("trivy"), "sbom", tmp_path / "b.cdx.json", *common, "--format", "json")
    assert json.loads(again)["Results"][0]["Vulnerabilities"][0]["VulnerabilityID"] == "CVE-2099-0003"


async def test_secrets_are_found_without_a_network_or_a_database(
    tmp_path: Path, program: Program, offline: Callable[..., str]
) -> None:
    # In two parts, so that no scanner of this repository takes it for one.
    key = "AKIA" + "IOSFODNN7LOCKAGE"[:16]
    entries = [
        *parent_folders("srv/credentials"),
        TarEntry("srv/credentials", 0o644, f"aws={key}\n".encode()),
    ]
    tar = images.archive(images.image(tmp_path / "image", entries), tmp_path / "image.tar")
    common = ("--cache-dir", tmp_path / "cache", "--offline-scan", "--skip-version-check", "--quiet")
    report = offline(
        program("trivy"), "image", "--input", tar, "--scanners", "secret", *common, "--format", "json"
    )
    secrets = [s for r in json.loads(report)["Results"] for s in r.get("Secrets", ())]
    assert [s["RuleID"] for s in secrets] == ["aws-access-key-id"]
    assert key not in report
