"""Catalogues on disk and the dist/ trees that they give, kept under tests/data/catalogues.

    examples/                 a catalogue, with MODES for what git does not keep
    golden/examples/          its dist/, with MODES
    golden/examples-mr-123/   the same with --snapshot-id mr-123
    golden/examples.json      its plan, without a lock

`RENEW=1 tests/run tests/plan/output/test_golden.py` writes the golden trees again; look at the difference with git.
"""

from __future__ import annotations

import difflib
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.catalogue.sample import ROOT

DATA = ROOT / "tests/data/catalogues"
GOLDEN = DATA / "golden"
MODES = "MODES"
RENEW = "RENEW=1 tests/run tests/plan/output/test_golden.py"

# how a path of a tree looks: folder, link with its target, or mode and content
Tree = Mapping[str, str]


def on_disk(name: str, place: Path) -> Path:
    """A catalogue of ours in a folder of its own, every mode as MODES says, whatever the checkout's umask was."""
    if name == "own":
        place.mkdir()
        shutil.copy(ROOT / "lockage.yml", place)
        shutil.copytree(ROOT / "images", place / "images", symlinks=True)
    else:
        shutil.copytree(DATA / name, place, symlinks=True)
    for path in sorted(place.rglob("*")):
        if path.is_symlink():
            continue
        executable = path.is_dir() or path.stat().st_mode & 0o100
        path.chmod(0o755 if executable else 0o644)
    for mode, path in _modes(place / MODES):
        made = place / path
        if path.endswith("/"):
            made.mkdir(parents=True, exist_ok=True)
        made.chmod(mode)
    return place


def generate(root: Path, dist: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """`lockage generate` as a person runs it, with a cache of its own."""
    environ = {**os.environ, "LOCKAGE_CACHE": str(root.parent / "cache"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pipeline.cli", "-C", str(root), "generate", "--output", str(dist)]
    return subprocess.run([*command, *options], env=environ, capture_output=True, text=True, check=False)


def look(root: Path) -> Tree:
    """Every path of a tree, sorted."""
    out = {}
    for path in sorted(root.rglob("*")):
        name, info = path.relative_to(root).as_posix(), path.lstat()
        if stat.S_ISLNK(info.st_mode):
            out[name] = f"link to {path.readlink()}"
        elif stat.S_ISDIR(info.st_mode):
            out[name] = f"folder {stat.S_IMODE(info.st_mode):04o}"
        else:
            content = path.read_bytes().decode("utf-8", "backslashreplace")
            out[name] = f"file {stat.S_IMODE(info.st_mode):04o}\n{content}"
    return out


def kept(name: str) -> Tree:
    """The golden tree of that name, as it was before git took its modes away."""
    root = GOLDEN / name
    found = {path: _without_mode(text) for path, text in look(root).items() if path != MODES}
    for mode, path in _modes(root / MODES):
        if path.endswith("/"):
            found[path.removesuffix("/")] = f"folder {mode:04o}"
        elif path in found:
            found[path] = found[path].replace("file ", f"file {mode:04o}", 1)
    return dict(sorted(found.items()))


def renew(name: str, dist: Path) -> None:
    """Keep a tree as the golden one."""
    root = GOLDEN / name
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(dist, root, symlinks=True)
    lines = []
    for path, text in look(dist).items():
        if text.startswith(("folder", "file")):
            mode = text.split()[1]
            lines.append(f"{mode} {path}{'/' if text.startswith('folder') else ''}\n")
            if text.startswith("file"):
                (root / path).chmod(0o755 if int(mode, 8) & 0o100 else 0o644)
    (root / MODES).write_text("".join(lines))


def difference(was: Tree, now: Tree) -> str:
    """What differs, as `diff -u` shows it; nothing if nothing does."""
    out = []
    for path in sorted({*was, *now}):
        before, after = (tree.get(path, "nothing").splitlines(keepends=True) for tree in (was, now))
        out += difflib.unified_diff(before, after, f"golden/{path}", f"generated/{path}")
        if out and not out[-1].endswith("\n"):
            out.append("\n")
    return "".join(out)


def _modes(file: Path) -> Iterator[tuple[int, str]]:
    if file.is_file():
        for line in file.read_text().splitlines():
            if line and not line.startswith("#"):
                mode, _, path = line.partition(" ")
                yield int(mode, 8), path


def _without_mode(text: str) -> str:
    head, newline, content = text.partition("\n")
    return f"file {newline}{content}" if head.startswith("file") else text
