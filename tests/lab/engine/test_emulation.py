"""Foreign platforms by qemu, only where asked for, and unknown to the host afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.lab import Instance, LabSettings
from tests.lab.conftest import HERE
from tests.lab.namespaces.test_lab_backend import down, up

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        os.geteuid() != 0 or sys.platform != "linux", reason="the lab backend needs root on Linux"
    ),
]
_REGISTERED = Path("/proc/sys/fs/binfmt_misc")


def compile_for(architecture: str, target: Path, settings: LabSettings) -> None:
    environ = {**settings.environ, "PATH": settings.path, "CGO_ENABLED": "0", "GOARCH": architecture}
    argv = ["go", "build", "-trimpath", "-o", str(target), "."]
    subprocess.run(argv, cwd=HERE / "probe", env=environ, check=True)


def run(
    instance: Instance, settings: LabSettings, probe: Path, platform: str
) -> subprocess.CompletedProcess[str]:
    environ = {**settings.environ, **instance.connect_env()}
    argv = [sys.executable, str(HERE / "engine" / "emulation_probe.py"), str(probe), platform]
    return subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize("architecture", ["arm64", "s390x"])
def test_foreign_binaries_run(settings: LabSettings, tmp_path: Path, architecture: str) -> None:
    before = sorted(_REGISTERED.iterdir()) if _REGISTERED.is_dir() else []
    asked = replace(settings, emulate=True)
    compile_for(architecture, tmp_path / "probe", settings)
    instance = up(asked)
    done = run(instance, asked, tmp_path / "probe", f"linux/{architecture}")
    assert done.stdout.strip() == "exec RUN", done.stderr[-2000:]
    down(asked)
    assert (sorted(_REGISTERED.iterdir()) if _REGISTERED.is_dir() else []) == before


def test_not_without_being_asked(settings: LabSettings, tmp_path: Path) -> None:
    compile_for("s390x", tmp_path / "probe", settings)
    done = run(up(settings), settings, tmp_path / "probe", "linux/s390x")
    assert done.returncode != 0
    assert "exec format error" in done.stderr
