"""What is named by references alone is looked up in their registries: no instance is started, nothing is built."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.trust.keypair import generate
from tests.tools.ports import free_port

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify", "{image}", "--key", "{key}"],
        ["verify", "{image}", "{image}", "--key", "{key}", "--json"],
        ["copy", "{image}", "{other}"],
        ["compare", "{image}", "{other}"],
        ["artifact", "show", "{image}"],
        ["artifact", "pull", "{image}"],
        ["artifact", "push", "{image}", "key.pub:text/plain"],
    ],
    ids=" ".join,
)
def test_images_of_other_registries_start_nothing(tmp_path: Path, arguments: list[str]) -> None:
    """Not even where nothing answers: the request is refused, and the home stays as empty as it was."""
    host, key = f"localhost:{free_port()}", tmp_path / "key.pub"
    key.write_bytes(generate().public)
    named = {"image": f"{host}/x:1", "other": f"{host}/y:1", "key": str(key)}
    environ = {name: value for name, value in os.environ.items() if not name.startswith("LOCKAGE_")}
    environ |= {"LOCKAGE_HOME": str(tmp_path / "home"), "LOCKAGE_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.cli", *(word.format(**named) for word in arguments)],
        cwd=tmp_path,
        env={**environ, "PYTHONPATH": str(ROOT), "LOCKAGE_IMAGES": "lab"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 5 and f"cannot reach {host}" in done.stderr + done.stdout, done.stderr
    assert not (tmp_path / "home").exists() and not (tmp_path / "cache").exists()
