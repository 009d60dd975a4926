"""Reading a folder: what is taken, what is refused, and how files are kept."""

import os

import pytest

from pipeline.catalogue import lock_of, read_source
from pipeline.catalogue import source as reading
from pipeline.errors import ConfigError, EnvironmentProblem
from pipeline.util.rooted import RootedFolder

from .sample import LOCK, PROJECT, put


def refused(root):
    with pytest.raises(ConfigError) as caught:
        read_source(root)
    return [str(p) for p in caught.value.problems]


def test_only_the_project_and_images_are_read(tmp_path):
    put(
        tmp_path,
        {"lockage.yml": PROJECT, "README.md": "x", "images/a/image.yml": "y", "images/a/rootfs/b/c": "z"},
    )
    found = read_source(tmp_path)
    assert sorted(found.files) == [
        "images",
        "images/a",
        "images/a/image.yml",
        "images/a/rootfs",
        "images/a/rootfs/b",
        "images/a/rootfs/b/c",
        "lockage.yml",
    ]
    assert found.children("images/a") == ("image.yml", "rootfs")
    assert found.files["images/a/image.yml"].content == b"y"
    content = found.files["images/a/rootfs/b/c"]
    assert (content.content, content.size) == (None, 1)
    assert found.read("images/a/rootfs/b/c") == b"z"
    with pytest.raises(EnvironmentProblem):
        found.read("images/a")


def test_modes_are_kept_but_for_what_a_umask_decides(tmp_path):
    put(
        tmp_path,
        {"lockage.yml": PROJECT, **{f"images/a/rootfs/{m:o}": "" for m in (0o664, 0o777, 0o440, 0o4755)}},
    )
    for mode in (0o664, 0o777, 0o440, 0o4755):
        (tmp_path / f"images/a/rootfs/{mode:o}").chmod(mode)
    found = read_source(tmp_path)
    modes = {name: found.files[f"images/a/rootfs/{name}"].mode for name in found.children("images/a/rootfs")}
    assert modes == {"664": 0o644, "777": 0o755, "440": 0o440, "4755": 0o4755}


@pytest.mark.parametrize("umask", [0o022, 0o002, 0o027, 0o077])
def test_modes_are_those_of_any_other_checkout(tmp_path, umask):
    modes = {"file": 0o666, "program": 0o777}
    put(tmp_path, {"lockage.yml": PROJECT, **{f"images/a/rootfs/etc/{name}": "" for name in modes}})
    for name, mode in (("lockage.yml", 0o666), *((f"images/a/rootfs/etc/{n}", m) for n, m in modes.items())):
        (tmp_path / name).chmod(mode & ~umask)
    (tmp_path / "images/a/rootfs/etc").chmod(0o777 & ~umask)
    found = read_source(tmp_path).files
    assert {n: found[f"images/a/rootfs/etc/{n}"].mode for n in modes} == {"file": 0o644, "program": 0o755}
    assert found["images/a/rootfs/etc"].mode == 0o755


def test_the_lock(tmp_path):
    put(tmp_path, {"lockage.yml": PROJECT})
    assert lock_of(read_source(tmp_path)) is None
    put(tmp_path, {"lockage.lock": LOCK.to_bytes()})
    assert lock_of(read_source(tmp_path)) == LOCK
    put(tmp_path, {"lockage.lock": b" " * (reading.MAX_TEXT + 1)})
    with pytest.raises(ConfigError):
        lock_of(read_source(tmp_path))


def test_refusals(tmp_path, monkeypatch):
    put(tmp_path, {"lockage.yml": PROJECT, "images/a/image.yml": ""})
    put(tmp_path, {"images/" + "d/" * 70 + "x": ""})
    assert "more than 64 folders deep" in refused(tmp_path)[0]
    other = tmp_path / "other"
    put(other, {"lockage.yml": PROJECT, "elsewhere/a/image.yml": ""})
    (other / "images").symlink_to("elsewhere")
    assert refused(other) == ["images: is a symbolic link (a folder is expected)"]
    many = tmp_path / "many"
    put(many, {"lockage.yml": PROJECT, **{f"images/a/{n}": "" for n in range(20)}})
    monkeypatch.setattr(reading, "MAX_FILES", 10)
    assert "holds more than 10 files" in refused(many)[0]


def test_a_name_that_is_not_utf8(tmp_path):
    put(tmp_path, {"lockage.yml": PROJECT, "images/a/image.yml": ""})
    (tmp_path / "images/a").joinpath(b"\xff".decode(errors="surrogateescape")).write_text("")
    assert "the name is not UTF-8" in refused(tmp_path)[0]


@pytest.mark.parametrize("size", [0, 1, 100, reading.MAX_TEXT - 1, reading.MAX_TEXT])
def test_a_text_is_read_whole_whatever_size_it_had_a_moment_ago(tmp_path, size):
    content = bytes(range(250)) * (size // 250 + 1)
    place = tmp_path / "text"
    place.write_bytes(content[:size])
    with RootedFolder.at(tmp_path) as folder:
        for earlier_size in (0, 1, size - 1, size, size + 1, 10 * reading.MAX_TEXT):
            assert reading._read(folder, "text", max(0, earlier_size)) == content[:size]
        place.write_bytes(b"x" * (reading.MAX_TEXT + 10))
        assert len(reading._read(folder, "text", size)) == reading.MAX_TEXT + 1


@pytest.mark.parametrize("kind", ["a link", "a pipe", "a folder on the way"])
def test_a_file_that_something_else_replaced_is_not_read(tmp_path, kind):
    """The content is the same, and a pipe would be waited for without end."""
    put(tmp_path, {"lockage.yml": PROJECT, "images/a/rootfs/b/c": "z", "other/c": "z"})
    found = read_source(tmp_path)
    place = tmp_path / "images/a/rootfs/b/c"
    place.unlink()
    if kind == "a link":
        place.symlink_to(tmp_path / "other/c")
    elif kind == "a pipe":
        os.mkfifo(place)
    else:
        place.parent.rmdir()
        place.parent.symlink_to(tmp_path / "other")
    with pytest.raises(EnvironmentProblem, match=r"cannot read images/a/rootfs/b/c: "):
        found.read("images/a/rootfs/b/c")
