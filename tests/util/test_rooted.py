"""Files that are replaced as a whole, and files below a folder."""

import os
import socket
import stat
from pathlib import Path

import pytest

from pipeline.util.files import read_file, replace_file, replacing
from pipeline.util.rooted import RootedFolder


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
    with pytest.raises(RuntimeError, match="halfway"), replacing(path) as file:
        file.write(b"ne")
        raise RuntimeError("halfway")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_symbolic_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    other, link = tmp_path / "other", tmp_path / "link"
    other.write_bytes(b"other")
    link.symlink_to(other)
    replace_file(link, b"own")
    assert (link.read_bytes(), link.is_symlink(), other.read_bytes()) == (b"own", False, b"other")


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A folder beside the root, with one file that nobody may touch."""
    folder = tmp_path / "victim"
    folder.mkdir()
    (folder / "file").write_bytes(b"precious")
    return folder


def _untouched(victim: Path) -> bool:
    return [p.name for p in victim.iterdir()] == ["file"] and (victim / "file").read_bytes() == b"precious"


WRITERS = {
    "replace": lambda folder, name: folder.replace(name, b"x"),
    "create": lambda folder, name: folder.create(name, b"x", 0o644),
    "symlink": lambda folder, name: folder.symlink(name, "target"),
    "make": lambda folder, name: folder.make(name, 0o700),
    "remove": lambda folder, name: folder.remove(name),
    "remove a tree": lambda folder, name: folder.remove_tree(name),
    "read": lambda folder, name: folder.read(name),
    "replace a path": lambda folder, name: replace_file(Path(name), b"x", root=Path(folder.path)),
    "read a path": lambda folder, name: read_file(Path(folder.path, name), root=Path(folder.path)),
}


@pytest.mark.parametrize("name", ["link/file", "link/new", "link/deeper/new", "deep/link/file"])
@pytest.mark.parametrize("writer", WRITERS)
def test_a_link_on_the_way_is_never_followed(tmp_path: Path, victim: Path, writer: str, name: str) -> None:
    root = tmp_path / "root"
    (root / "deep").mkdir(parents=True)
    (root / "link").symlink_to(victim)
    (root / "deep/link").symlink_to("../../victim")
    with RootedFolder.at(root) as folder:
        if writer.startswith("remove"):
            WRITERS[writer](folder, name)
        else:
            with pytest.raises(NotADirectoryError, match="is a symbolic link") as caught:
                WRITERS[writer](folder, name)
            assert caught.value.filename == str(root / name[: name.index("link") + 4])
    assert _untouched(victim)


@pytest.mark.parametrize("name", ["../victim/file", "/etc/hosts", "a/../../victim/file", "a//b", "a\0b", "."])
@pytest.mark.parametrize("writer", [w for w in WRITERS if "path" not in w])
def test_a_name_that_is_not_below_is_refused(tmp_path: Path, victim: Path, writer: str, name: str) -> None:
    (tmp_path / "root/a").mkdir(parents=True)
    with (
        RootedFolder.at(tmp_path / "root") as folder,
        pytest.raises(OSError, match="is not below this folder"),
    ):
        WRITERS[writer](folder, name)
    assert _untouched(victim)


def test_a_folder_that_is_replaced_by_a_link_meanwhile_is_not_followed(tmp_path: Path, victim: Path) -> None:
    (tmp_path / "root").mkdir()
    with RootedFolder.at(tmp_path / "root") as folder:
        (tmp_path / "root").rename(tmp_path / "aside")
        (tmp_path / "root").symlink_to(victim)
        folder.replace("file", b"own")
    assert _untouched(victim)
    assert (tmp_path / "aside/file").read_bytes() == b"own"


def test_only_regular_files_are_read(tmp_path: Path, victim: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(victim / "file")
    with socket.socket(socket.AF_UNIX) as listener, RootedFolder.at(tmp_path) as folder:
        listener.bind(str(tmp_path / "socket"))
        for name, kind in (
            ("pipe", "is a pipe"),
            ("link", "is a symbolic link"),
            ("socket", "is a socket"),
            ("victim", "is a folder"),
        ):
            with pytest.raises(OSError, match=kind) as caught:
                folder.read(name)
            assert caught.value.filename == str(tmp_path / name)
    with RootedFolder.at(Path("/dev")) as devices, pytest.raises(OSError, match="is a device"):
        devices.read("null")


def test_scratch_files_have_no_name_that_could_be_planted(tmp_path: Path) -> None:
    names = set()
    for _ in range(5):
        with replacing(tmp_path / "file") as file:
            names |= {p.name for p in tmp_path.iterdir()} - {"file"}
            assert stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    assert len(names) == 5


def test_a_new_file_never_replaces_another(tmp_path: Path) -> None:
    with RootedFolder.at(tmp_path) as folder:
        folder.create("file", b"first", 0o600)
        with pytest.raises(FileExistsError):
            folder.create("file", b"second", 0o600)
    assert (tmp_path / "file").read_bytes() == b"first"
    assert len(list(tmp_path.iterdir())) == 1


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/")
    before = len(list(Path("/proc/self/fd").iterdir()))
    with RootedFolder.at(tmp_path) as folder:
        folder.replace("a/b/c", b"")
        folder.entries()
        for name in ("link/x", "../x", "a/none"):
            with pytest.raises(OSError, match=r"link|below|No such"):
                folder.read(name)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
