"""Which Dockerfiles of a folder are read: their places and names, their contexts, and layouts of folders."""

import pytest

from pipeline.catalogue import SourceFile
from pipeline.cli import main
from pipeline.errors import UsageError
from pipeline.importing import ASIDE
from pipeline.importing.layout import FolderLayout, Naming
from pipeline.importing.options import BuildDefaults
from pipeline.plan import make_plan

from .imported import DEBIAN, catalogue, imported, notes, planned, texts


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
    by_image = notes(found)
    assert by_image["docker:web"][0] == "its context is the folder read, which has what it copies"
    assert by_image["build:latest"][-1].endswith(
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
    by_image = notes(found)
    assert by_image["app:latest"][1] == "args: V, ARCH, EMPTY, in image.yml"
    assert [line for line in by_image["app:latest"] if "has no value" in line] == [
        "app/Dockerfile:4: ARG OTHER has no value: if builds use --build-arg OTHER=…, import with it, or write it "
        "to args: of image.yml"
    ]
    assert "args: CUDA, in image.yml" in by_image["base:1.2"]
    with pytest.raises(UsageError, match="--build-arg CUDAA: no Dockerfile here has an ARG"):
        imported(files, given=BuildDefaults({"CUDAA": "1"}))


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


def test_a_folder_without_dockerfiles_gives_nothing():
    found = imported({"a/README": "x"})
    assert (found.images, dict(found.files)) == ((), {})


def test_what_an_earlier_import_made_is_not_read():
    files = {"lockage.yml": "version: 1\n", "images/a/rootfs/Dockerfile": DEBIAN, "a/Dockerfile": DEBIAN}
    found = imported(files)
    assert [i.name for i in found.images] == ["a:latest"] and not found.left
