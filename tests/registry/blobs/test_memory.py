"""What the client costs: memory for large layers, and the import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.registry.conftest import fresh

MIB = 1024 * 1024

PUSH_AND_PULL = """
import hashlib, sys
from pathlib import Path
import anyio
from pipeline.model import Descriptor, Digest, Repository
from pipeline.registry import Registry

async def main(repo, path):
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    descriptor = Descriptor("", Digest("sha256:" + digest.hexdigest()), path.stat().st_size)
    async with Registry() as registry:
        await registry.put_blob(repo, path, descriptor)
        size = 0
        async for part in registry.stream_blob(repo, descriptor):
            size += len(part)
    assert size == descriptor.size
    # proc(5): the peak of this program alone; getrusage's also remembers the parent as it was at the fork
    print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))

anyio.run(main, Repository.parse(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.mark.real
def test_a_large_layer_takes_little_memory(host: str, tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(400 * MIB)
    command = [sys.executable, "-c", PUSH_AND_PULL, str(fresh(host)), str(tmp_path / "large")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) * 1024 < 150 * MIB


def test_the_import_is_light() -> None:
    code = "import sys, pipeline.registry; print({'aiohttp', 'yarl', 'ssl', 'pydantic'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
