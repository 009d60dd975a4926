"""A folder of Dockerfiles becomes a catalogue that plans: names, sources, escapes, and what is left to a person."""

import os
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.catalogue import Source, SourceFile
from pipeline.catalogue.templating.templates import Renderer
from pipeline.cli import main
from pipeline.errors import UsageError
from pipeline.importing import ASIDE, import_folder
from pipeline.importing.dockerignore import DockerIgnore, matched
from pipeline.importing.layout import FolderLayout, Naming
from pipeline.importing.options import BuildDefaults
from pipeline.importing.rewrite import as_template, clean, rewrite
from pipeline.model import Platform
from pipeline.plan import make_plan

ROOT = Path(__file__).parent.parent.parent
PROJECT = "version: 1\nproject: demo\nbases: [debian:12]\n"
AMD64 = Platform("linux", "amd64")
DEBIAN = "FROM debian:12\n"


def imported(files, **options):
    options.setdefault("project", "demo")
    return import_folder(Source.of(files), options.pop("name", "demo"), **options)


def catalogue(found, files):
    """The source that is written, as it would be read again."""
    out = {}
    for path, file in found.files.items():
        if file.content is not None:
            out[path] = file.content
        elif file.kind == "file":
            given = files[file.origin]
            out[path] = given if not isinstance(given, str) else given.encode()
        else:
            out[path] = SourceFile(file.kind, file.mode, target=file.target)
    return Source.of(out)


def planned(files, **options):
    """The plan of what was imported: nothing is left out, nothing has a warning."""
    found = imported(files, **options)
    assert [i.status for i in found.images if i.status != "made"] == []
    return found, make_plan(catalogue(found, files))


def texts(plan):
    return {t.name: t.dockerfile for t in plan.targets}


def notes(found):
    return {i.name: [*i.done, *i.by_hand] for i in found.images}


# Names


def test_every_place_of_a_dockerfile():
    files = {
        "base/Dockerfile": DEBIAN,
        "python/3.11/Dockerfile": DEBIAN,
        "python/3.12/Dockerfile": DEBIAN,
        "python/3.12/Dockerfile.dev": DEBIAN + "RUN dev\n",
        "tool/Containerfile": DEBIAN,
        "node/Dockerfile.alpine": DEBIAN,
        "node/Dockerfile.slim": DEBIAN,
        "My_App/Dockerfile": DEBIAN,
        "worker.Dockerfile": DEBIAN,
    }
    found, plan = planned(files)
    assert sorted(t.name for t in plan.targets) == [
        "base:latest", "my-app:latest", "node:alpine", "node:slim", "python:3.11", "python:3.12",
        "python:3.12-dev", "tool:latest", "worker:latest",
    ]  # fmt: skip
    assert not found.left
    assert texts(plan)["python:3.12-dev"] == DEBIAN + "RUN dev\n"
    assert "images/base/Dockerfile.tmpl" in found.files
    assert "images/python/3.12/Dockerfile.dev.tmpl" in found.files
    assert [str(b) for b in found.bases] == ["docker.io/library/debian:12"]


def test_a_dockerfile_in_the_folder_itself_is_the_folder_s_image():
    found, plan = planned({"Dockerfile": DEBIAN + "COPY a /\n", "a": "1"}, name="Web Shop")
    assert [t.name for t in plan.targets] == ["web-shop:latest"]
    assert "images/web-shop/rootfs/a" in found.files


def test_dockerfiles_that_are_not_read_are_named_with_the_reason():
    files = {
        "a/Dockerfile": DEBIAN,
        "a/b/c/Dockerfile": DEBIAN,
        "_x/Dockerfile": DEBIAN,
        "l/Dockerfile": SourceFile("link", target="../a/Dockerfile"),
        "a/Dockerfile.tmpl": DEBIAN,
        "a/-odd/Dockerfile": DEBIAN,
    }
    found = imported(files)
    assert [i.name for i in found.images] == ["a:latest"]
    assert dict(found.left) == {
        "a/b/c/Dockerfile": "lies deeper than <name>/<tag>/",
        "_x/Dockerfile": "lies in a folder that starts with . or _",
        "l/Dockerfile": "is a symbolic link to ../a/Dockerfile",
        "a/-odd/Dockerfile": "there is another Dockerfile in its place, or its name gives no tag",
    }


def test_other_names_of_dockerfiles():
    files = {
        "a/Dockerfile": DEBIAN,
        "a/Dockerfile-alpine": DEBIAN,
        "low/dockerfile": DEBIAN,
        "Dockerfile.template": "FROM {{ x }}\n",
    }
    found, plan = planned(files)
    assert sorted(t.name for t in plan.targets) == ["a:latest", "a:latest-alpine", "low:latest"]
    assert not found.left


def test_wildcards_that_match_nothing():
    files = {
        "build/Dockerfile": DEBIAN + "COPY go.* /x/\n",
        "none/Dockerfile": DEBIAN + "COPY *.nothing /x/\n",
        "some/Dockerfile": DEBIAN + "COPY *.txt /x/\n",
        "some/a.txt": "1", "go.mod": "1",
    }  # fmt: skip
    above = "; the folder above all images has it: is that the build context? --context ."
    assert notes(imported(files)) == {
        "build:latest": [f"build/Dockerfile:2: COPY go.* matches nothing in build{above}"],
        "none:latest": ["none/Dockerfile:2: COPY *.nothing matches nothing in none"],
        "some:latest": ["1 path of some below rootfs/, and COPY takes them from there"],
    }


def test_the_context_is_the_nearest_folder_that_has_all_sources():
    files = {
        "docker/web.Dockerfile": DEBIAN + "COPY scripts/run.sh /\nCOPY docker/x /\n",
        "docker/x": "1",
        "docker/.dockerignore": "*",
        "build/Dockerfile": DEBIAN + "COPY go.* /x/\nCOPY one.txt /\n",
        "build/one.txt": "1",
        "lost/Dockerfile": DEBIAN + "COPY scripts/run.sh nowhere.txt /\n",
        "scripts/run.sh": "1",
        "go.mod": "1",
    }
    found = imported(files)
    said = notes(found)
    assert said["docker:web"][0] == "its context is the folder read, which has what it copies"
    assert said["build:latest"][-1].endswith(
        "the folder above all images has it: is that the build context? --context ."
    )
    assert "lost" in {i.name for i in found.images if i.status == ASIDE}
    assert {"images/docker/rootfs/scripts/run.sh", "images/docker/rootfs/docker/x"} <= set(found.files)


def test_the_context_as_the_user_says():
    files = {
        "build/Dockerfile": DEBIAN + "COPY go.* one.txt /x/\n",
        "build/one.txt": "1",
        "one.txt": "2",
        "go.mod": "3",
        "docker/web.Dockerfile": DEBIAN + "COPY build /x/\n",
        "lost/Dockerfile": DEBIAN + "COPY two.txt /x/\n",
        "lost/two.txt": "1",
    }
    found = imported(files, given=BuildDefaults(context="./"))
    assert found.files["images/build/rootfs/one.txt"].origin == "one.txt"
    assert found.files["images/docker/rootfs/build/one.txt"].origin == "build/one.txt"
    assert notes(found)["lost"] == ["lost/Dockerfile:2: COPY two.txt: there is no two.txt in the folder"]
    found = imported(files, given=BuildDefaults(context="build"))
    assert found.files["images/build/rootfs/one.txt"].origin == "build/one.txt"
    for wrong in ("..", "/build", "nowhere", "go.mod", "build/../../x"):
        with pytest.raises(UsageError, match="is no folder there"):
            imported(files, given=BuildDefaults(context=wrong))


def test_build_arguments():
    files = {
        "base/Dockerfile": DEBIAN,
        "base/Dockerfile.gpu": DEBIAN + "ARG CUDA\n",
        "app/Dockerfile": "ARG V ARCH\nFROM r.example/base:$V$ARCH\nARG EMPTY\nARG OTHER\n",
        "none/Dockerfile": DEBIAN,
    }
    args = {"V": "1.2", "ARCH": "", "EMPTY": 'a "b": {{ \x85 é', "CUDA": "12"}
    found, plan = planned(files, prefixes=("r.example",), given=BuildDefaults(args))
    by_name = {t.name: t for t in plan.targets}
    assert dict(by_name["app:latest"].arguments) == {k: args[k] for k in ("V", "ARCH", "EMPTY")}
    assert dict(by_name["base:1.2-gpu"].arguments) == {"CUDA": "12"}
    assert not by_name["base:1.2"].arguments and not by_name["none:latest"].arguments
    assert by_name["app:latest"].dockerfile.splitlines()[1] == "FROM base:$V$ARCH"
    said = notes(found)
    assert said["app:latest"][1] == "args: V, ARCH, EMPTY, in image.yml"
    assert [line for line in said["app:latest"] if "has no value" in line] == [
        "app/Dockerfile:4: ARG OTHER has no value: if builds use --build-arg OTHER=…, import with it, or write it "
        "to args: of image.yml"
    ]
    assert "args: CUDA, in image.yml" in said["base:1.2"]
    with pytest.raises(UsageError, match="--build-arg CUDAA: no Dockerfile here has an ARG"):
        imported(files, given=BuildDefaults({"CUDAA": "1"}))


def test_a_variant_that_cannot_be_imported_is_set_aside_alone():
    files = {
        "a/Dockerfile": DEBIAN + "COPY one /\n",
        "a/one": "1",
        "a/Dockerfile.gpu": "ARG B\nFROM $B\n",
        "a/Dockerfile.raw": b"FROM \xff\n",
        "a/Dockerfile.copy": "FROM debian:11\nCOPY two /\n",
        "a/Dockerfile.fine": DEBIAN,
        "b/Dockerfile": "FROM a:latest-gpu\n",
    }
    found = imported(files)
    assert {i.name: i.status for i in found.images} == {
        "a:latest": "made",
        **dict.fromkeys(("a:latest-gpu", "a:latest-raw", "a:latest-copy", "b:latest"), ASIDE),
    }
    plan = make_plan(catalogue(found, files))
    assert sorted(t.name for t in plan.targets) == ["a:latest", "a:latest-fine"]
    assert "docker.io/library/debian:11" not in {str(base) for base in found.bases}
    assert notes(found)["b:latest"] == ["b/Dockerfile:1: it is based on a:latest-gpu, which is set aside"]


def test_what_onbuild_of_a_base_copies_is_reported_at_the_image():
    files = {
        "base/Dockerfile": DEBIAN + "ONBUILD COPY . /srv/\n",
        "plain/Dockerfile": DEBIAN + "ONBUILD RUN true\n",
        "app/Dockerfile": "FROM base\n",
        "app/app.py": "1",
        "other/Dockerfile": "FROM plain\n",
    }
    said = notes(imported(files))
    assert (
        "base:latest copies files of app by ONBUILD: they are not brought along, copy them to rootfs/"
        in said["app:latest"]
    )
    assert not any("ONBUILD" in line for line in said["other:latest"])


def test_variants_are_named():
    said = notes(imported({"a/Dockerfile": DEBIAN, "a/Dockerfile.dev": DEBIAN}))
    assert said == {"a:latest": ["variant dev, from a/Dockerfile.dev"]}


def test_windows_is_set_aside():
    bases = {
        "core": "mcr.microsoft.com/windows/servercore:ltsc2022",
        "net": "mcr.microsoft.com/dotnet/framework/runtime:4.8",
        "go": "golang:1.26-nanoserver",
        "old": "microsoft/dotnet-framework:4.7",
        "sdk": "microsoft/dotnet-framework-build:4.7",
        "web": "mirror.example/microsoft/dotnet/framework/aspnet:4.8",
        "foo": "--platform=windows/amd64 foo/bar",
        "arg": "--platform=windows/amd64 go",
    }
    found = imported({f"{name}/Dockerfile": f"FROM {base}\n" for name, base in bases.items()})
    for name, base in bases.items():
        assert notes(found)[name] == [f"{name}/Dockerfile: FROM {base} is Windows; targets are linux only"]
    planned({"a/Dockerfile": "FROM acme/windows-exporter:1\nFROM acme/dotnet-frameworks\n"})
    planned({"a/Dockerfile": "FROM --platform=linux/amd64 microsoft/dotnet:2.1-sdk\n"})


def test_a_name_behind_the_prefix_that_no_image_has():
    files = {
        "NodeBase/Dockerfile": DEBIAN,
        "chrome/Dockerfile": "FROM acme/node-base:1\n",
        "other/Dockerfile": "FROM acme/zzz\n",
    }
    said = notes(imported(files, prefixes=("acme",)))
    registry = ": it is taken from the registry"
    assert said["chrome:latest"] == [
        "chrome/Dockerfile:1: FROM acme/node-base:1: no image node-base here"
        f" (nodebase? --name NodeBase=node-base){registry}"
    ]
    assert said["other:latest"] == [f"other/Dockerfile:1: FROM acme/zzz: no image zzz here{registry}"]
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
    said = "\n".join(notes(found)["app:latest"])
    assert "no image pythom here (python? --name python=pythom)" in said and "debian" not in said


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


def test_folders_of_versions_are_the_tags_of_one_image():
    files = {
        "3.13/slim/Dockerfile": DEBIAN,
        "3.13/cli/Dockerfile": "FROM python:3.13-slim\n",
        "3.12/Dockerfile": DEBIAN,
        ".git/3/Dockerfile": DEBIAN,
    }
    _, plan = planned(files, naming=Naming(image="python"))
    assert texts(plan).keys() == {"python:3.12", "python:3.13-slim", "python:3.13-cli"}
    assert texts(plan)["python:3.13-cli"].startswith("FROM python:3.13-slim")


def test_a_layout():
    files = {
        "src/go/.devcontainer/Dockerfile": DEBIAN,
        "src/web/1.0/linux/Dockerfile": "FROM go\n",
        "src/web/1.0/linux/Dockerfile.dev": DEBIAN,
        "web/Dockerfile": DEBIAN,
    }
    layouts = tuple(map(FolderLayout.parse, ("src/<name>/.devcontainer", "/src/<name>/<version>/<os>/")))
    found = imported(files, naming=Naming(layouts=layouts))
    assert {i.name: i.status for i in found.images} == {"go:latest": "made", "web:1.0-linux": "made"}
    assert found.unread == ("web/Dockerfile",)
    assert {t.name for t in make_plan(catalogue(found, files)).targets} == {
        "go:latest",
        "web:1.0-linux",
        "web:1.0-linux-dev",
    }


@pytest.mark.parametrize(
    "text", ["", "src", "a//b/<name>", "<name>/<name>", "<Name>", "<name>*", "../<name>", "<a>/" * 17]
)
def test_layouts_that_cannot_be(text):
    with pytest.raises(ValueError):
        FolderLayout.parse(text)


def test_deeper_dockerfiles_are_counted(tmp_path, capsys):
    deep = tmp_path / "in" / "src" / "web" / "1.0" / "linux"
    deep.mkdir(parents=True)
    (deep / "Dockerfile").write_text(DEBIAN)
    command = ["-C", str(tmp_path), "import", "in", "--output", "out"]
    assert main(command) == 3
    err = capsys.readouterr().err
    assert "src/web/1.0/linux/Dockerfile: lies deeper than" in err and "--layout '<name>/" in err
    (tmp_path / "in" / "app").mkdir()
    (tmp_path / "in" / "app" / "Dockerfile").write_text(DEBIAN)
    assert main([*command, "--plan"]) == 3
    assert "1 of 2 images imported" in capsys.readouterr().err
    wrong_values = [["--image", "A B"], ["--name", "app"], ["--build-arg", "A"], ["--build-arg", "=b"]]
    for wrong in (["--layout", "<name"], ["--layout", "<tag>"], ["--context", "x"], *wrong_values):
        assert main([*command, *wrong]) == 2
    assert not (tmp_path / "out").exists()
    assert main([*command, "--layout", "<name>", "--layout", "src/<name>/<version>/<os>"]) == 0
    assert (tmp_path / "out" / "images" / "web" / "Dockerfile.tmpl").exists()


@pytest.mark.parametrize(
    ("trigger", "takes"),
    [
        ("RUN --mount=type=bind,source=x,target=/x cat /x", True),
        ("RUN --mount=target=/x cat /x/y", True),
        ("RUN --mount=type=cache,target=/x cat /x", False),
        ("RUN --mount=type=bind,from=debian:12,target=/x cat /x/y", False),
        ("copy x /y", True),
        ("ADD https://example.org/x /y", False),
        ("COPY <<X /y\nx\nX", False),
        ("RUN x", False),
    ],
)
def test_onbuild_that_takes_files_is_left_to_a_person(trigger, takes):
    _, taken = rewrite(f"{DEBIAN}ONBUILD {trigger}\n", AMD64, lambda use: None)
    assert [line for line, message in taken.by_hand if message.startswith("ONBUILD takes")] == [2] * takes


def test_an_argument_without_a_value_is_reported_once():
    text = """ARG A=1 EMPTY= NONE
FROM debian:12 AS one
ARG A VERSION
ARG TARGETARCH TARGETVARIANT BUILDPLATFORM http_proxy SOURCE_DATE_EPOCH EMPTY LATER
FROM one
ARG VERSION
ARG LATER=2
ARG NONE
"""
    _, taken = rewrite(text, AMD64, lambda use: None)
    assert [(line, message.split()[1]) for line, message in taken.by_hand] == [(3, "VERSION"), (8, "NONE")]


def test_a_folder_without_dockerfiles_gives_nothing():
    found = imported({"a/README": "x"})
    assert (found.images, dict(found.files)) == ((), {})


def test_what_an_earlier_import_made_is_not_read():
    files = {"lockage.yml": "version: 1\n", "images/a/rootfs/Dockerfile": DEBIAN, "a/Dockerfile": DEBIAN}
    found = imported(files)
    assert [i.name for i in found.images] == ["a:latest"] and not found.left


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


# Sources

ODD = r"""# syntax=docker/dockerfile:1
# escape=\
FROM debian:12 AS one

COPY a.txt ./b /x/
  copy --chown=1:2 --link "a.txt" \
    # a comment inside
    b/c \

    /y/
ADD ["a.txt", "with space", "/z/"]
COPY <<EOF a.txt /h/
{{ not.a.template }} {% raw %} COPY a.txt /no/
EOF
RUN <<EOT
COPY a.txt /neither/
EOT
RUN --mount=type=bind,source=b,target=/m --mount=target=/all --mount=type=cache,target=/c ls
RUN --mount=type=bind,from=one,source=/etc,target=/m ls
COPY --from=one /a.txt /
ADD https://example.org/a.txt /
ADD ${WHERE}/x /
COPY /b /../b/c ../a.txt /w/
COPY --parents b/c d/./e /p/
COPY *.txt $X /q/
ENV A={#
ONBUILD COPY a.txt /later/"""

IMPORTED = r"""# syntax=docker/dockerfile:1
# escape=\
FROM debian:12 AS one

COPY rootfs/a.txt rootfs/./b /x/
  copy --chown=1:2 --link "rootfs/a.txt" \
    # a comment inside
    rootfs/b/c \

    /y/
ADD ["rootfs/a.txt", "rootfs/with space", "/z/"]
COPY <<EOF rootfs/a.txt /h/
{{ not.a.template }} {% raw %} COPY a.txt /no/
EOF
RUN <<EOT
COPY a.txt /neither/
EOT
RUN --mount=type=bind,source=rootfs/b,target=/m --mount=target=/all,source=rootfs/ --mount=type=cache,target=/c ls
RUN --mount=type=bind,from=one,source=/etc,target=/m ls
COPY --from=one /a.txt /
ADD https://example.org/a.txt /
ADD ${WHERE}/x /
COPY rootfs//b rootfs/b/c rootfs/a.txt /w/
COPY --parents rootfs/./b/c rootfs/d/./e /p/
COPY rootfs/*.txt rootfs/$X /q/
ENV A={#
ONBUILD COPY a.txt /later/"""


def test_buildkit_s_oddities():
    files = {"o/Dockerfile": ODD, "o/a.txt": "1", "o/b/c": "2", "o/with space": "3", "o/d/e": "4"}
    found, plan = planned(files)
    assert texts(plan)["o:latest"] == IMPORTED
    by_hand = {i.name: i.by_hand for i in found.images}["o:latest"]
    assert [re.sub(r":.*", "", n.removeprefix("o/Dockerfile:")) for n in by_hand] == [
        "22",
        "27",
        "images/o/Dockerfile.tmpl",  # an ADD that can change
    ]
    copied = {e.path for e in plan.targets[0].rootfs if e.kind == "file"}
    assert copied == {"Dockerfile", "a.txt", "b/c", "with space", "d/e"}


def test_only_what_is_copied_is_brought_along():
    files = {
        "a/Dockerfile": DEBIAN + "COPY src/*.py run.sh /x/\n",
        "a/src/a.py": "1", "a/src/b.txt": "2", "a/src/deep/c.py": "3", "a/README": "4",
        "a/run.sh": SourceFile("file", 0o755, b"#!/bin/sh\n"),
    }  # fmt: skip
    found, plan = planned(files)
    assert {(e.path, e.mode) for e in plan.targets[0].rootfs if e.kind == "file"} == {
        ("src/a.py", 0o644),
        ("run.sh", 0o755),
    }
    assert b"rootfs_copy: false" in found.files["images/a/image.yml"].content


def test_dockerignore_is_honoured_and_one_of_the_dockerfile_s_own_wins():
    files = {
        "a/Dockerfile": DEBIAN + "COPY . /x\n",
        "a/.dockerignore": "**/*.md\n!keep.md\n# no comment\n/node_modules\nDockerfile*\n.dockerignore\n",
        "a/x.md": "", "a/keep.md": "", "a/deep/y.md": "", "a/deep/z": "", "a/node_modules/m/n": "",
        "w.Dockerfile": DEBIAN + "COPY a /x\n",
        "w.Dockerfile.dockerignore": "*\n!a/deep\n",
    }  # fmt: skip
    _, plan = planned(files)
    found = {t.name: {e.path for e in t.rootfs if e.kind == "file"} for t in plan.targets}
    assert found == {"a:latest": {"keep.md", "deep/z"}, "w:latest": {"a/deep/y.md", "a/deep/z"}}


def test_links_bring_what_they_point_at():
    files = {
        "a/Dockerfile": DEBIAN + "COPY current /x\n",
        "a/current": SourceFile("link", target="v1"), "a/v1/file": "1", "a/v2/file": "2",
        "b/Dockerfile": DEBIAN + "COPY out /x\n", "b/out": SourceFile("link", target="/etc/passwd"),
    }  # fmt: skip
    found, plan = planned(files)
    paths = {t.name: {e.path for e in t.rootfs} for t in plan.targets}
    assert paths == {"a:latest": {"current", "v1", "v1/file"}, "b:latest": {"out"}}
    assert notes(found)["b:latest"][-1] == "b/out is a link to /etc/passwd, outside of the context"


# What is set aside


def test_what_does_not_plan_is_set_aside_with_what_stands_on_it():
    files = {
        "good/Dockerfile": DEBIAN,
        "lost/Dockerfile": DEBIAN + "RUN a\nCOPY dist/app /x\n",
        "child/Dockerfile": "FROM lost\n",
        "grandchild/Dockerfile": "FROM child\n",
        "arg/Dockerfile": "ARG V\nFROM debian:$V\n",
        "one/Dockerfile": "FROM two\n",
        "two/Dockerfile": "FROM one\n",
        "empty/Dockerfile": "# nothing\n",
        "binary/Dockerfile": b"\xff\xfe",
        "large/Dockerfile": SourceFile("file", size=2_000_000),
        "ignored/Dockerfile": DEBIAN + "COPY a /x\n",
        "ignored/a": "1",
        "ignored/.dockerignore": "a\n",
        "bad/Dockerfile": DEBIAN + "COPY . /\n",
        "bad/.dockerignore": "[a\n",
    }
    found = imported(files)
    assert [i.name for i in found.images if i.status == "made"] == ["good:latest"]
    said = {i.name.partition(":")[0]: i.by_hand[0] for i in found.images if i.status == "set aside"}
    assert said["lost"] == "lost/Dockerfile:3: COPY dist/app: there is no dist/app in lost"
    assert said["child"] == "child/Dockerfile:1: it is based on lost, which is set aside"
    assert said["grandchild"] == "grandchild/Dockerfile:1: it is based on child, which is set aside"
    assert "give its ARG a default" in said["arg"]
    assert "one:latest" in said["one"] or "one:latest" in said["two"]
    assert "there is no FROM" in said["empty"]
    assert said["binary"] == "binary/Dockerfile is not UTF-8 text"
    assert "larger than" in said["large"]
    assert "ignored/a is left out by .dockerignore" in said["ignored"]
    assert "is not closed" in said["bad"]
    make_plan(catalogue(found, files))


def test_folders_of_tags_are_set_aside_with_their_tag():
    files = {
        "python/3.11/Dockerfile": DEBIAN + "COPY none /\n",
        "python/3.12.1/Dockerfile": DEBIAN + "COPY none /\n",
        "python/3.13/Dockerfile": DEBIAN,
        "old/Dockerfile": "FROM python:3.11\n",
        "minor/Dockerfile": "FROM python:3.12\n",
        "new/Dockerfile": "FROM python:3.13\n",
    }
    found = imported(files)
    assert {i.name: i.status for i in found.images} == {
        "minor:latest": ASIDE, "new:latest": "made", "old:latest": ASIDE,
        "python:3.11": ASIDE, "python:3.12.1": ASIDE, "python:3.13": "made",
    }  # fmt: skip
    assert notes(found)["old:latest"] == ["old/Dockerfile:1: it is based on python:3.11, which is set aside"]
    assert notes(found)["minor:latest"] == [
        "minor/Dockerfile:1: it is based on python:3.12, which is set aside"
    ]


def test_broken_dockerfiles_are_set_aside():
    files = {
        "word/Dockerfile": "FRM x\nRUN y\n",
        "first/Dockerfile": "RUN x\nFROM debian:12\n",
        "open/Dockerfile": DEBIAN + "RUN <<EOF\nx\n",
        "copy/Dockerfile": DEBIAN + "COPY\n",
        "good/Dockerfile": DEBIAN,
        "good/Dockerfile.dev": DEBIAN + "ENV A\n",
        "own/Dockerfile": "# syntax=acme/frontend:1\nFRM x\nFROM debian:12\n",
    }
    found = imported(files)
    said = notes(found)
    assert said["word:latest"] == [
        "word/Dockerfile:1:1: FRM: unknown instruction (did you mean FROM?) (word:latest)"
    ]
    assert said["first:latest"] == ["first/Dockerfile:1:1: RUN: is before the first FROM (first:latest)"]
    assert said["open:latest"][0].startswith("open/Dockerfile:2:1: RUN: the heredoc is not closed")
    assert said["copy:latest"][0].startswith("copy/Dockerfile:2:1: COPY: a source and a destination")
    assert said["good:latest-dev"] == ["good/Dockerfile.dev:2:1: ENV: A has no value (good:latest-dev)"]
    assert [i.name for i in found.images if i.status == "made"] == ["good:latest", "own:latest"]


def test_messages_of_copy_and_mounts_name_the_flag():
    files = {
        "base/Dockerfile": DEBIAN,
        "app/Dockerfile": DEBIAN
        + "COPY --from=r.example/base / /x\nRUN --mount=from=r.example/zzz,target=/x ls\n",
    }
    assert notes(imported(files, prefixes=("r.example",)))["app:latest"] == [
        "COPY --from=r.example/base is base now, made here",
        "app/Dockerfile:3: RUN --mount=from=r.example/zzz: no image zzz here: it is taken from the registry",
    ]


# The command


def on_disk(root, files):
    for path, text in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return str(root)


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


# Laws


def rendered(template):
    source = Source.of({"images/x/Dockerfile.tmpl": template})
    return Renderer(source).render("images/x/Dockerfile.tmpl", {}, "x:1")


_PARTS = st.sampled_from(
    ["{", "{{", "{%", "{#", "}", "}}", "%}", "#}", "\n", "\r", "\r\n", "-", "+", " ", "raw", "endraw", "%", "#",
     "{% raw %}", "{% endraw %}", "{%- endraw -%}", "'", '"', "\\", "a", "é", "\x0b", "\x85", "\u2028", "$"]
)  # fmt: skip


@given(st.lists(_PARTS, max_size=12).map("".join) | st.text(max_size=20).filter(lambda t: "\ufeff" not in t))
@example("{{ a }}{% endraw %}{#")
@example("{\r\n{{\r")
@example("{{% raw %}{{% endraw %}")
def test_a_template_renders_back_to_the_very_same_text(text):
    assert rendered(as_template(text)) == text


@given(st.text("ab/.*", max_size=12))
def test_a_cleaned_source_is_clean(source):
    once = clean(source)
    assert clean(once) == once
    assert once == "." or not {"", ".", ".."}.intersection(once.split("/"))


@given(
    st.lists(
        st.sampled_from(
            [
                "COPY a /x",
                "COPY --from=one a /x",
                "ADD a b /x/",
                "RUN echo COPY a /x",
                "RUN <<E\nCOPY a /\nE",
                'COPY ["a", "/x"]',
                "# COPY a /x",
                "ENV A=b \\\n COPY a",
                "WORKDIR /a",
            ]
        ),
        max_size=8,
    )
)
def test_taking_the_prefix_away_gives_the_text_back(lines):
    text = "FROM debian AS one\n" + "\n".join(lines)
    new, taken = rewrite(text, AMD64, lambda use: None)
    assert new.replace("rootfs/", "") == text
    assert new.count("rootfs/") == len(taken.sources)


PATTERNS = [
    ("*.md", ["a.md"], ["d/a.md", "a.mdx"]),
    ("**/*.md", ["a.md", "d/a.md", "d/e/a.md"], ["a.txt"]),
    ("d", ["d", "d/a", "d/e/f"], ["dd", "e/d"]),
    ("/d/", ["d/a"], ["e/d"]),
    ("d/**", ["d/a", "d/e/f"], ["d"]),
    ("a?c", ["abc"], ["ac", "a/c"]),
    ("[a-c]x", ["ax", "cx"], ["dx"]),
    ("[^a]x", ["bx"], ["ax"]),
    ("a\\*", ["a*"], ["ab"]),
    ("*\n!a", ["b"], ["a", "a/b"]),
    ("*\n!a/b", ["a/c", "b"], ["a/b"]),
    ("!a\n*", ["a"], []),
    ("  a.b  ", ["a.b"], ["axb"]),
]


@pytest.mark.parametrize(("text", "ignored", "kept"), PATTERNS)
def test_dockerignore(text, ignored, kept):
    judge = DockerIgnore.parse(text)
    assert [p for p in ignored if not judge.ignores(p)] == []
    assert [p for p in kept if judge.ignores(p)] == []


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*", {"a", "d/b", "d/e/c", "d", "d/e"}),
        ("d/*", {"d/b", "d/e/c", "d/e"}),
        ("*/b", {"d/b"}),
        (".", {"a", "d/b", "d/e/c", "d", "d/e"}),
    ],
)
def test_sources_of_copy(pattern, expected):
    assert matched({"a", "d", "d/b", "d/e", "d/e/c"}, [pattern]) == expected


@pytest.mark.parametrize("source", ["a[", "a[b-", "a\\"])
def test_a_pattern_that_means_nothing_sets_its_image_aside(source):
    found = imported({"Dockerfile": f"{DEBIAN}COPY {source} /x\n", "a": "x"})
    assert [(image.status, bool(image.by_hand)) for image in found.images] == [(ASIDE, True)]


def test_a_list_that_nests_without_end_is_left_to_a_person():
    deep = "[" * 100_000
    found = imported({"Dockerfile": f'{DEBIAN}COPY {deep} "a", "/b"]\n', "a": "x"})
    assert len(found.images) == 1


@pytest.mark.parametrize(
    ("pattern", "path", "ignored"),
    [
        ("**.env", "prod.env", True),
        ("**.env", "a/b.env", True),
        ("**~", "x~", True),
        ("**.env", "a.env.txt", False),
        ("a**.env", "a.env", True),
        ("a**.env", "ab.env", False),
        ("**/x", "x", True),
        ("**x", "a/bx", True),
        ("**.e?v", "prod.env", False),
    ],
)
def test_two_stars_of_dockerignore_as_moby_has_them(pattern, path, ignored):
    """moby/patternmatcher: a literal behind a leading `**` is an ending; elsewhere `**` is whole folders."""
    assert DockerIgnore.parse(pattern).ignores(path) is ignored
