"""From nothing: a clone with no environment, no compiled tool, no compiler's cache, no package's cache."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from .clock import Command
from .figures import Figure
from .stand import Stand


def measure(stand: Stand) -> list[Figure]:
    """The README's first command in a new clone, in the three parts a newcomer waits for; once.

    What the machine has (Python, Go, uv if there is one, the package index) is taken as it is.
    """
    caches = stand.scratch / "caches"
    folders = {
        "LOCKAGE_CACHE": caches / "lockage",
        "GOCACHE": caches / "go-build",
        "GOMODCACHE": caches / "go-mod",
        "UV_CACHE_DIR": caches / "uv",
        "PIP_CACHE_DIR": caches / "pip",
        "XDG_CACHE_HOME": caches / "xdg",
    }
    own = {name: str(folder) for name, folder in folders.items()}
    home = stand.home("nothing", PYTHONPYCACHEPREFIX="", **own)
    clone = stand.scratch / "newcomer"
    shutil.copytree(stand.clone, clone, symlinks=True)
    figures = []

    def step(what: str, note: str, *arguments: str) -> str:
        stand.say(f"from nothing: {what}")
        sample = Command([clone / "lockage", *arguments], home.env, clone).run()
        figures.append(Figure(f"from nothing: {what}", sample.seconds, cpu=sample.cpu, note=note))
        return sample.out

    step("the environment", "uv sync from the package index, bytecode compiled", "--version")
    step("set-up", "tools compiled, engine made and started, mirror filled", "up")
    result = json.loads(step("main job", "as `main job, cold`", "run", "--json"))
    total = sum(f.ours for f in figures)
    figures.append(
        Figure(
            "from nothing: the first command",
            total,
            note=f"the sum; {len(result['targets'])} targets; caches afterwards {_size(caches) / 1e9:.1f} GB",
        )
    )
    home.down()
    _writable(folders["GOMODCACHE"])
    return figures


def _size(folder: Path) -> int:
    return sum(p.lstat().st_size for p in folder.rglob("*") if not p.is_symlink() and p.is_file())


def _writable(folder: Path) -> None:
    """Go keeps modules read-only, so that they could not be removed by anybody but root."""
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
