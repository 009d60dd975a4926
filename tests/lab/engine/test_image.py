"""What is kept of engines that were made for other versions."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.lab.engine.image import prune
from tests.lab.docker.dockerd import MORTAL

_MOUNTED = """\
mount -t tmpfs none "$1"
mkdir "$1/up" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=$2,upperdir=$1/up,workdir=$1/work" none "$1/root"
echo there
exec sleep 60
"""


def image(folder: Path, name: str, days: float) -> Path:
    """A made-up image that was started so many days ago."""
    root = folder / name / "root"
    root.mkdir(parents=True)
    (root / "file").write_text(name)
    moment = time.time() - days * 86400
    os.utime(folder / name, (moment, moment))
    return root


def test_three_and_what_is_new_are_kept(tmp_path: Path) -> None:
    folder = tmp_path / "engine"
    for number in range(5):
        image(folder, f"old{number}", number + 1)
    image(folder, "new", 0)
    (folder / ".lock").touch()
    prune(folder)
    assert {path.name for path in folder.iterdir()} == {"new", "old0", "old1", ".lock"}
    for number in range(4):
        image(folder, f"just-made{number}", 0.01)
    prune(folder)
    assert {path.name for path in folder.iterdir()} == {".lock", "new", *(f"just-made{n}" for n in range(4))}


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="mounts: root's, on Linux")
def test_what_an_engine_runs_on_is_kept(tmp_path: Path) -> None:
    folder, mount = tmp_path / "a cache" / "engine", tmp_path / "mount"
    mount.mkdir()
    used = image(folder, "used", 30)
    image(folder, "unused", 31)
    for number in range(3):
        image(folder, f"later{number}", number)
    argv = [*MORTAL, "unshare", "--mount", "sh", "-euc", _MOUNTED, "sh", str(mount), str(used)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as engine:
        try:
            assert engine.stdout and engine.stdout.readline() == b"there\n"
            prune(folder)
            assert used.exists() and not (folder / "unused").exists()
        finally:
            engine.kill()
    prune(folder)
    assert not used.exists()
