"""`lockage import`: what it prints, writes and refuses."""

import os
import re

import pytest

from pipeline.cli import main

from .imported import DEBIAN, PROJECT, ROOT, on_disk

DOCUMENTED = {
    "base/Dockerfile": "FROM debian:bookworm-slim\nRUN useradd app\n",
    "web/Dockerfile": "FROM ghcr.io/acme/base:1.4\nCOPY app.sh /srv/\n",
    "web/app.sh": "#!/bin/sh\n",
    "worker/Dockerfile": "FROM ghcr.io/acme/base:1.4\nCOPY build/worker /srv/\n",
}


def test_the_documented_example_says_what_is_documented(tmp_path, capsys):
    text = (ROOT / "docs/starting.md").read_text(encoding="utf-8")
    [block] = re.findall(r"```\n(base:1\.4 .*?)```", text, re.DOTALL)
    folder = on_disk(tmp_path / "dockerfiles", DOCUMENTED)
    arguments = ["import", folder, "--output", str(tmp_path / "out"), "--prefix", "ghcr.io/acme"]
    assert main([*arguments, "--plan"]) == 3
    assert capsys.readouterr().out == block
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("prefix", ["https://ghcr.io/acme", "", "Ghcr io", "/"])
def test_a_prefix_is_a_host_and_a_path(prefix, tmp_path, capsys):
    folder = on_disk(tmp_path / "x", {"a/Dockerfile": DEBIAN})
    assert main(["import", folder, "--prefix", prefix, "--output", str(tmp_path / "out")]) == 2
    assert "is not host[/path]" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_into_a_catalogue_that_is_there(tmp_path, capsys):
    root = tmp_path / "root"
    on_disk(
        root,
        {"lockage.yml": PROJECT, ".lockage/image.schema.json": "{}", "images/own/image.yml": "tags: [1]\n"},
    )
    folder = on_disk(tmp_path / "more", {"a/Dockerfile": "FROM debian:12\nFROM alpine:3\n"})
    assert main(["import", folder, "--output", str(root)]) == 0
    out = capsys.readouterr().out
    assert f"by hand: add docker.io/library/alpine:3 to bases: in {root}/lockage.yml\n" in out
    assert "debian" not in out
    assert (root / "lockage.yml").read_text() == PROJECT
    assert (root / ".lockage/image.schema.json").read_text() == "{}"
    assert (root / "images/a/Dockerfile.tmpl").is_file()


def test_devices_and_odd_names_are_told(tmp_path, capsys):
    folder = tmp_path / "x"
    on_disk(folder, {"a/Dockerfile": "FROM debian:12\nCOPY . /x\n", "a/b": "1"})
    os.mkfifo(folder / "a/pipe")
    assert main(["import", str(folder), "--output", str(tmp_path / "out")]) == 0
    assert "by hand: a/pipe is a device, socket or pipe and is left out" in capsys.readouterr().out
    (folder / os.fsdecode(b"\xff")).write_text("")
    assert main(["import", str(folder), "--output", str(tmp_path / "other")]) == 3
    assert "the name is not UTF-8" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()
