"""The limits of the catalogue: documented as they are in the code, held at and beyond each of them."""

from __future__ import annotations

import os
import re

import pytest

from pipeline.catalogue import limits, read_source, rootfs
from pipeline.catalogue import source as reader
from pipeline.catalogue.templating import limits as templating
from pipeline.catalogue.templating.includes import includes_of
from pipeline.config import yaml
from pipeline.dockerfile import limits as dockerfile
from pipeline.errors import ConfigError
from pipeline.util.rooted import RootedFolder
from tests.catalogue.bad_input.good import put

from .sample import ROOT, source

DOCUMENTED = [
    f"larger than {limits.MAX_TEXT // 1024} KiB",
    f"are larger than {limits.MAX_TEXTS // 2**20} MiB",
    f"is larger than {limits.MAX_FILE // 2**30} GiB",
    f"catalogue are larger than {limits.MAX_ALL_FILES // 2**30} GiB",
    f"more than {limits.MAX_FILES} files",
    f"more than {limits.MAX_DEPTH} folders deep",
    f"more than {yaml.MAX_DEPTH} levels deep",
    f"more than {yaml.MAX_ALIASES} aliases",
    f"more than {yaml.MAX_NODES} values",
    f"more than {dockerfile.MAX_NESTED} levels deep",
    f"more than {dockerfile.MAX_EXPANDED} characters",
    f"more than {templating.MAX_TOKENS} words",
    f"more than {templating.MAX_CODE} pieces",
    f"more than {templating.MAX_STEPS} loop turns",
    f"more than {templating.MAX_WORK // 1_000_000} million",
    f"text is larger than {templating.MAX_OUTPUT // 1024} KiB",
    f"more than {templating.MAX_OUTPUT} characters or items",
    f"more than {templating.MAX_BITS} bits",
    f"mappings are more than {templating.MAX_DEPTH} levels",
    f"more than {templating.MAX_ATTRIBUTE} characters",
    f"more than {templating.MAX_ALL_WORK // 1_000_000} million",
    f"more than {templating.MAX_ALL_OUTPUT // 2**20} MiB of text",
]


@pytest.mark.parametrize("text", DOCUMENTED)
def test_every_limit_is_documented(text):
    table = (ROOT / "docs/limits.md").read_text().partition("## Catalogue")[2].partition("\n## ")[0]
    assert text in re.sub(r"\s+", " ", table)


@pytest.mark.parametrize(
    ("name", "below", "message"),
    [
        ("MAX_FILE", "rootfs", "images/app/rootfs/f: is larger than 0 GiB"),
        ("MAX_ALL_FILES", "rootfs", "the files of the catalogue are larger than 0 GiB"),
        ("MAX_TEXTS", "", "the files outside rootfs/ are larger than 0 MiB"),
    ],
)
def test_sizes_are_refused_beyond_the_limit(name, below, message, tmp_path, monkeypatch):
    put(tmp_path, {})
    folder = tmp_path / "images/app" / below
    folder.mkdir(exist_ok=True)
    (folder / "f").write_bytes(b"x" * 10_000)
    every = sum(path.stat().st_size for path in (tmp_path / "images").rglob("*") if path.is_file())
    size = 10_000 if name == "MAX_FILE" else every
    monkeypatch.setattr(reader, name, size)
    assert read_source(tmp_path)
    monkeypatch.setattr(reader, name, size - 1)
    with pytest.raises(ConfigError) as refused:
        read_source(tmp_path)
    assert message in str(refused.value.problems[0])


def test_a_sparse_file_is_not_read(tmp_path):
    put(tmp_path, {})
    place = tmp_path / "images/app/rootfs/f"
    place.parent.mkdir()
    place.touch()
    os.truncate(place, limits.MAX_FILE + 1)
    with pytest.raises(ConfigError) as refused:
        read_source(tmp_path)
    assert "images/app/rootfs/f: is larger than 1 GiB" in str(refused.value.problems[0])


def test_a_pipe_that_takes_a_files_place_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    with RootedFolder.at(tmp_path) as folder:
        for name, kind in (("pipe", "a pipe"), ("link", "a symbolic link")):
            with pytest.raises(OSError, match=kind):
                reader._read(folder, name, 10)


def test_includes_that_do_not_end_are_read_once():
    assert includes_of(b"{% include " * 90_000).names == ()
    assert includes_of(b"{% include 'a' %}{% include ").names == ("a",)


def test_a_file_replaces_a_folder_with_everything_in_it():
    files: dict[str, str | bytes] = {f"i/rootfs/d{n}/e/f{m}": "" for n in range(3) for m in range(2)}
    files |= {"i/v/rootfs/d1": "x", "i/v/rootfs/d0/e": "x"}
    problems: list[object] = []
    tree = rootfs.merge(source(files), ("images/i", "images/i/v"), problems)
    assert [entry.path for entry in tree.entries] == ["d0", "d0/e", "d1", "d2", "d2/e", "d2/e/f0", "d2/e/f1"]
    assert [warning.rpartition(" and ")[2] for warning in tree.warnings] == ["2 paths in it", "3 paths in it"]
    assert problems == []
