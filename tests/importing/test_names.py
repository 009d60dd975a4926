"""Names of images: what the catalogue builds itself, by prefix, by link and by bare name."""

import pytest

from pipeline.catalogue import Source, SourceFile
from pipeline.cli import main
from pipeline.importing import import_folder
from pipeline.importing.layout import Naming

from .imported import DEBIAN, imported, notes, on_disk, planned, texts


def test_a_name_behind_the_prefix_that_no_image_has():
    files = {
        "NodeBase/Dockerfile": DEBIAN,
        "chrome/Dockerfile": "FROM acme/node-base:1\n",
        "other/Dockerfile": "FROM acme/zzz\n",
    }
    by_image = notes(imported(files, prefixes=("acme",)))
    registry = ": it is taken from the registry"
    assert by_image["chrome:latest"] == [
        "chrome/Dockerfile:1: FROM acme/node-base:1: no image node-base here"
        f" (nodebase? --name NodeBase=node-base){registry}"
    ]
    assert by_image["other:latest"] == [f"other/Dockerfile:1: FROM acme/zzz: no image zzz here{registry}"]
    _, plan = planned(
        files | {"other/Dockerfile": DEBIAN},
        prefixes=("acme",),
        naming=Naming(names={"NodeBase": "node-base"}),
    )
    assert texts(plan)["chrome:latest"].startswith("FROM node-base:1")


def test_only_valid_names_are_suggested():
    files = {"Base/Dockerfile": DEBIAN, "app/Dockerfile": "FROM acme/sub/base\n"}
    assert notes(imported(files, prefixes=("acme",)))["app:latest"] == [
        "app/Dockerfile:1: FROM acme/sub/base: no image sub/base here: it is taken from the registry",
        "app/Dockerfile:1: FROM acme/sub/base: is that the base made here? --prefix acme/sub",
    ]


@pytest.mark.parametrize(
    "prefix", ["docker.io/library", "docker.io", "registry-1.docker.io/library", "library"]
)
@pytest.mark.parametrize(
    "name", ["python", "library/python", "docker.io/python", "registry-1.docker.io/library/python"]
)
def test_official_images_as_the_prefix(prefix, name):
    files = {"python/3.13/Dockerfile": DEBIAN, "app/Dockerfile": f"FROM {name}:3.13\nFROM pythom\n"}
    found, plan = planned(files, prefixes=(prefix,))
    assert texts(plan)["app:latest"] == "FROM python:3.13\nFROM pythom\n"
    text = "\n".join(notes(found)["app:latest"])
    assert "no image pythom here (python? --name python=pythom)" in text and "debian" not in text


@pytest.mark.parametrize(
    "prefix", ["acme", "docker.io/acme", "index.docker.io/acme", "registry-1.docker.io/acme"]
)
@pytest.mark.parametrize("host", ["", "docker.io/", "index.docker.io/", "registry-1.docker.io/"])
def test_docker_hub_in_each_spelling_is_one_prefix(prefix, host):
    files = {"base/Dockerfile": DEBIAN, "app/Dockerfile": f"FROM {host}acme/base:2\n"}
    _, plan = planned(files, prefixes=(prefix,))
    assert texts(plan)["app:latest"].startswith("FROM base:2")


def link(target):
    return SourceFile("link", 0o777, target=target)


def test_links_to_folders_of_images_are_not_read(tmp_path):
    files = {
        "tools/1.0/Dockerfile": DEBIAN,
        "all/x/Dockerfile": DEBIAN,
        "all/x/data": link("../../data"),
        "data/file": "1",
        "README.md": link("../README.md"),
        "bcc": link("tools"),
        "all/y": link("../tools/1.0"),
        "again": link("./bcc/"),
        "absolute": link(f"{tmp_path}/in/tools"),
        "around": link("../in/all/x"),
        "outside": link("../other"),
        "own/Dockerfile": link("../all/x/Dockerfile"),
        "lost/Dockerfile": link("../all/x/data/common"),
        "away/Dockerfile": link("/etc/Dockerfile"),
        "loop": link("loop"),
    }
    found = import_folder(Source(Source.of(files).files, tmp_path / "in"), "in", project="demo")
    symlink = "is a symbolic link to"
    assert dict(found.left) == {
        "bcc": f"{symlink} tools",
        "all/y": f"{symlink} ../tools/1.0",
        "again": f"{symlink} ./bcc/",
        "absolute": f"{symlink} {tmp_path}/in/tools",
        "around": f"{symlink} ../in/all/x",
        "outside": f"{symlink} ../other, outside of the folder",
        "own/Dockerfile": f"{symlink} ../all/x/Dockerfile",
        "lost/Dockerfile": "leads to ../all/x/data/common, which is not read",
        "away/Dockerfile": "leads to /etc/Dockerfile, which is not read",
    }
    assert found.unread == ("away/Dockerfile", "lost/Dockerfile")


@pytest.mark.parametrize(("prefixes", "head"), [((), ""), (("r.example",), "r.example/")])
def test_the_name_of_a_link_is_suggested(prefixes, head):
    files = {"bcc-tools/Dockerfile": DEBIAN, "bcc": link("bcc-tools"), "app/Dockerfile": f"FROM {head}bcc\n"}
    assert notes(imported(files, prefixes=prefixes))["app:latest"] == [
        f"app/Dockerfile:1: FROM {head}bcc: no image bcc here (bcc is a link to bcc-tools: --name bcc-tools=bcc): "
        "it is taken from the registry"
    ]
    _, plan = planned(files, prefixes=prefixes, naming=Naming(names={"bcc-tools": "bcc"}))
    assert texts(plan)["app:latest"] == "FROM bcc\n"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("NodeBas=node", "--name NodeBase=node"),
        ("docs=node", "takes the name of a folder with a Dockerfile"),
        ("src/NodeBase=node", "--name NodeBase=node"),
        ("=node", "takes FOLDER=IMAGE"),
        ("/=node", "takes FOLDER=IMAGE"),
    ],
)
def test_a_name_of_no_folder_is_refused(name, hint, tmp_path, capsys):
    folder = on_disk(tmp_path / "x", {"NodeBase/Dockerfile": DEBIAN, "docs/README": "1"})
    arguments = ["import", folder, "--output", str(tmp_path / "out"), "--name"]
    assert main([*arguments, name]) == 2
    assert hint in capsys.readouterr().err
    assert main([*arguments, "NodeBase/=node-base"]) == 0
    assert (tmp_path / "out/images/node-base/image.yml").is_file()


# FROM


def test_own_images_by_prefix():
    files = {
        "base/Dockerfile": DEBIAN,
        "app/Dockerfile": "ARG V=1.2\nFROM ghcr.io/acme/base:${V} AS x\nCOPY --from=ghcr.io/acme/base:1.1 /a /b\n",
        "other/Dockerfile": "ARG R=ghcr.io/acme\nFROM $R/base\nRUN --mount=from=ghcr.io/acme/app,target=/a ls\n",
        "far/Dockerfile": "FROM base:1.2\nFROM ghcr.io/other/base:1\n",
    }
    found, plan = planned(files, prefixes=("ghcr.io/acme",))
    assert texts(plan) == {
        "base:1.2": DEBIAN,
        "app:latest": "ARG V=1.2\nFROM base:${V} AS x\nCOPY --from=base:1.1 /a /b\n",
        "other:latest": "ARG R=ghcr.io/acme\nFROM base:latest\nRUN --mount=from=app,target=/a ls\n",
        "far:latest": "FROM docker.io/library/base:1.2\nFROM ghcr.io/other/base:1\n",
    }
    assert set(plan.by_id["base/1.2/linux-amd64"].tags) == {"1.2", "1.1", "latest"}
    assert [str(b) for b in found.bases] == [
        "docker.io/library/base:1.2", "docker.io/library/debian:12", "ghcr.io/other/base:1",
    ]  # fmt: skip
    assert (
        "far/Dockerfile:2: FROM ghcr.io/other/base:1: is that the base made here? --prefix ghcr.io/other"
        in notes(found)["far:latest"]
    )


def test_own_images_by_their_bare_names():
    files = {
        "base/Dockerfile": DEBIAN,
        "base/Dockerfile.dev": DEBIAN,
        "app/Dockerfile": "FROM base:1.2-dev\nFROM base@sha256:" + "0" * 64 + "\n",
        "python/3.11/Dockerfile": "FROM python:3.11\n",
        "python/3.12/Dockerfile": "ARG V=3.11\nFROM python:$V-slim\nFROM python:3.11\n",
    }
    found, plan = planned({k: v for k, v in files.items() if k != "app/Dockerfile"})
    assert texts(plan)["python:3.11"] == "FROM docker.io/library/python:3.11\n"
    assert (
        texts(plan)["python:3.12"] == "ARG V=3.11\nFROM docker.io/library/python:$V-slim\nFROM python:3.11\n"
    )
    found, plan = planned(files)
    assert texts(plan)["app:latest"] == "FROM base:1.2-dev\nFROM base:latest\n"
    assert set(plan.by_id["base/1.2-dev/linux-amd64"].tags) == {"1.2-dev", "latest-dev"}
    assert any("another one: docker.io/library/base:1.2-dev" in n for n in notes(found)["app:latest"])


def test_an_external_image_with_a_digest_is_listed_by_its_tag():
    found, _ = planned({"a/Dockerfile": f"FROM debian:12@sha256:{'0' * 64}\nFROM alpine\nFROM scratch\n"})
    assert [str(b) for b in found.bases] == ["docker.io/library/alpine:latest", "docker.io/library/debian:12"]
