"""Files that are replaced as a whole."""

import os
import stat
from pathlib import Path

import pytest

from pipeline.util.files import replace_file, replacing


def test_content_replaces_content_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "state.json"
    replace_file(path, "ä\n")
    replace_file(path, b"\xff")
    assert path.read_bytes() == b"\xff"
    assert [p.name for p in path.parent.iterdir()] == ["state.json"]


@pytest.mark.parametrize(("mode", "expected"), [(None, 0o640), (0o600, 0o600), (0o755, 0o755)])
def test_a_mode_holds_whatever_the_umask(tmp_path: Path, mode: int | None, expected: int) -> None:
    umask = os.umask(0o027)
    try:
        replace_file(tmp_path / "file", b"", mode=mode)
    finally:
        os.umask(umask)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == expected


def test_a_failure_keeps_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError, match="halfway"), replacing(path) as part:
        part.write_bytes(b"ne")
        raise RuntimeError("halfway")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_symbolic_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    other, link = tmp_path / "other", tmp_path / "link"
    other.write_bytes(b"other")
    link.symlink_to(other)
    replace_file(link, b"own")
    assert (link.read_bytes(), link.is_symlink(), other.read_bytes()) == (b"own", False, b"other")
