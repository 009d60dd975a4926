"""The peak memory of a process that pushes a layer of 1 GiB."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.bench.figures import Figure
from tests.bench.stand import Stand

from .subject import fresh

_LARGE = 1 << 30
_MEMORY = 150  # MB


_PUSH = """
import sys
from pathlib import Path
import anyio
from pipeline.model import Descriptor, Digest, Repository
from pipeline.registry import Registry, push_layout

async def main(repo, folder):
    async with Registry() as registry:
        await push_layout(registry, folder, repo, "1")

anyio.run(main, Repository.parse(sys.argv[1]), Path(sys.argv[2]))
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def push_memory(stand: Stand, host: str) -> Figure:
    """The peak of a process that pushes one layer of a gigabyte (proc(5), VmHWM)."""
    stand.say("registry: a layer of 1 GiB")
    folder = _large(stand.scratch / "large")
    done = subprocess.run(
        [sys.executable, "-c", _PUSH, str(fresh(host)), str(folder)],
        env=dict(stand.env),
        cwd=Path(__file__).resolve().parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    peak = round(int(done.stdout) * 1024 / 1e6, 1)
    return Figure("push of a layer of 1 GiB: memory", peak, unit="MB", goal=_MEMORY, absolute=True)


def _large(folder: Path) -> Path:
    """A layout with one layer of zeros, which takes no room on the disk."""
    import hashlib

    from pipeline.model import Descriptor, Digest
    from pipeline.oci.layout import Layout
    from tests.registry import images

    layout, digest = Layout.create(folder), hashlib.sha256()
    with (folder / "zeros").open("wb") as file:
        file.truncate(_LARGE)
    for _ in range(_LARGE >> 20):
        digest.update(bytes(1 << 20))
    (folder / "zeros").rename(folder / "blobs" / "sha256" / digest.hexdigest())
    layer = Descriptor(
        "application/vnd.oci.image.layer.v1.tar", Digest(f"sha256:{digest.hexdigest()}"), _LARGE
    )
    config = layout.put(b"{}", "application/vnd.oci.empty.v1+json")
    manifest = images.manifest_of(config, [layer], artifactType="application/vnd.example.large")
    layout.add(layout.put(manifest.raw, manifest.media_type))
    return folder
