"""Builds that compose and bake files declare: what is taken of them, and what is named as not read."""

import pytest

from pipeline.catalogue import Source
from pipeline.cli import main
from pipeline.importing import ASIDE
from pipeline.importing.declared import find_declared, is_build_file
from pipeline.importing.layout import Naming
from pipeline.importing.options import BuildDefaults

from .imported import DEBIAN, imported, notes, on_disk, planned, texts

COMPOSE = """\
x-build: &build
  args: &args {A: "1", B: "${B:-two}"}
services:
  web:
    image: ghcr.io/acme/shop:${TAG:-1.4}
    build:
      <<: *build
      context: .
      dockerfile: docker/web.df
      target: run
      platforms: [linux/amd64, linux/arm64]
  db: {image: "postgres:16"}
  worker: {build: ./worker}
  tool:
    build:
      context: ./worker
      args: [C=3, TOKEN, "D=${NOWHERE}"]
      dockerfile: Dockerfile.tool
      cache_from: [x]
      secrets: [npm]
"""
FILES = {
    "compose.yaml": COMPOSE,
    "docker/web.df": "ARG A\nFROM debian:12 AS build\nARG B\nCOPY src /src\nFROM build AS run\nFROM build AS test\n",
    "src/main.c": "1",
    "worker/Dockerfile": "FROM ghcr.io/acme/shop:1.4\nCOPY run.sh /\n",
    "worker/Dockerfile.tool": DEBIAN + "ARG C\nARG TOKEN D\n",
    "worker/run.sh": "1",
}


def test_services_of_a_compose_file():
    found, plan = planned(FILES, prefixes=("ghcr.io/acme",))
    targets = {t.id: t for t in plan.targets}
    assert sorted(targets) == [
        "shop/1.4/linux-amd64", "shop/1.4/linux-arm64", "tool/latest/linux-amd64", "worker/latest/linux-amd64",
    ]  # fmt: skip
    target = targets["shop/1.4/linux-arm64"]
    assert target.dockerfile.endswith(
        "COPY rootfs/src /src\nFROM build AS run\nFROM build AS test\nFROM run\n"
    )
    assert dict(target.arguments) == {"A": "1", "B": "two"}
    assert dict(targets["tool/latest/linux-amd64"].arguments) == {"C": "3"}
    assert texts(plan)["worker:latest"].startswith("FROM shop:1.4\n")
    by_image = notes(found)
    assert by_image["shop:1.4"][:2] == [
        "context, arguments and platforms as compose.yaml:4 has them",
        "docker/web.df: FROM run is its last line now: that stage is built",
    ]
    outside = "gets its value from outside of the file: --build-arg"
    assert [line for line in by_image["tool:latest"] if line.startswith("compose")] == [
        "compose.yaml:14: secrets is not taken: define them in lockage.yml and list them in image.yml",
        f"compose.yaml:14: args: TOKEN {outside} TOKEN=VALUE",
        f"compose.yaml:14: args: D {outside} D=VALUE",
    ]
    assert not found.left


def test_the_user_s_arguments_and_names_win():
    found = imported(
        FILES, given=BuildDefaults({"C": "9", "TOKEN": ""}), naming=Naming(names={"tool": "tools"})
    )
    assert b'C: "9"\n  TOKEN: ""' in found.files["images/tools/image.yml"].content


def build(text, **files):
    files = {"compose.yaml": text, "Dockerfile": DEBIAN, "a/Dockerfile": DEBIAN + "ARG A\n"} | files
    return find_declared(Source.of(files))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("services: {x: {build: ../up}}", "service x: its context ../up is outside of the folder"),
        ("services: {x: {build: /abs}}", "service x: its context /abs is outside of the folder"),
        ("services: {x: {build: nowhere}}", "service x: there is no folder nowhere"),
        ("services: {x: {build: {dockerfile: no}}}", "service x: there is no file no"),
        ("services: {x: {build: {dockerfile: /a/Dockerfile}}}", "service x: there is no file /a/Dockerfile"),
        ("services: {x: {build: 'https://example.org/a.git'}}", "is no folder here"),
        ("services: {x: {build: '$DIR'}}", "service x: its context $DIR has no value for DIR"),
        ("services: {x: {build: '${DIR:?no}'}}", "has no value for"),
        ("services: {x: {build: [a]}}", "service x: its build is neither a folder nor a mapping"),
        ("services: {x: {build: {context: [a]}}}", "service x: its context is no text"),
        ("services: {x: {build: {dockerfile_inline: FROM a}}}", "service x: dockerfile_inline is not read"),
        ("services: {x: {build: a, extends: y}}", "service x: extends is not followed"),
        ("services: {x: {extends: y}, y: {build: a}}", "service x: extends is not followed"),
        ("services: {x: {extends: {file: f, service: y}}}", "service x: extends is not followed"),
        ("services: {x: {build: a, platform: windows/amd64}}", "its platforms (windows/amd64) are not built"),
        ("services: {x: !reset {}}", "is not allowed, in a compose file"),
        ("services: [\n", "not valid YAML"),
        ("include: [other.yaml]", "include: of a compose file is not followed"),
    ],
)
def test_what_is_not_read_of_a_compose_file(text, reason):
    [*_, (where, message)] = build(text).left
    assert reason in message and where.startswith("compose.yaml")


def test_merge_keys_have_a_limit():
    text = "x: &x {a: 1}\ny:\n" + "- {<<: *x}\n" * 90
    assert not build(text).left
    text = "x: &x {a: 1}\ny: &y [" + "{<<: *x}, " * 20 + "]\nz: [" + "*y, " * 60 + "]\n"
    assert build(text).left == (("compose.yaml", "is a compose file with more than 1000 merge keys"),)


@pytest.mark.parametrize(
    "text", ["", "- a", "services: 1", "services: {x: 1, y: {image: a}}", "services: {x: {build: }}"]
)
def test_compose_files_without_builds(text):
    assert build(text).left == build(text).builds == ()


def test_other_compose_files_are_named_unless_they_add_nothing():
    one = "services: {x: {build: {context: a, args: {A: '1'}}}}"
    same = build(one, **{"compose.test.yml": one, "docker-compose.yml": "services: {x: {image: x}}"})
    assert len(same.builds) == 1 and not same.left
    other = build(one, **{"compose.prod.yaml": one.replace("'1'", "'2'")})
    assert other.left == (
        ("compose.prod.yaml", "is not read beside compose.yaml, and declares other builds"),
    )
    assert is_build_file("docker-compose.yml") and not is_build_file("compose.md")


def test_services_of_one_dockerfile():
    text = """services:
  one: {build: {context: a, args: {A: 1}}}
  two: {build: {context: a, args: {A: 2}}}
  again: {build: {context: a, args: {A: 2}}}
"""
    _, plan = planned({"compose.yml": text, "a/Dockerfile": DEBIAN + "ARG A\n"})
    assert {t.name: dict(t.arguments) for t in plan.targets} == {
        "one:latest": {"A": "1"},
        "two:latest": {"A": "2"},
    }


def test_a_service_without_an_image_keeps_the_name_of_the_folder():
    files = {
        "compose.yml": "services: {backend: {build: api}}",
        "api/Dockerfile": DEBIAN,
        "api/Dockerfile.dev": DEBIAN,
    }
    _, plan = planned(files)
    assert set(texts(plan)) == {"api:latest", "api:latest-dev"}


def test_an_image_s_tag_without_a_value():
    found = imported(
        {"compose.yml": "services: {x: {image: 'r.example/y:$T', build: a}}", "a/Dockerfile": DEBIAN}
    )
    assert notes(found)["y:latest"][-1] == "compose.yml:1: the tag of image: r.example/y:$T has no value"


def test_a_stage_that_is_none():
    files = {"compose.yml": "services: {x: {build: {context: a, target: No}}}", "a/Dockerfile": DEBIAN}
    [image] = imported(files).images
    assert (image.status, image.by_hand) == (ASIDE, ("compose.yml:1: no stage of a/Dockerfile is named No",))


def test_the_command_reads_dockerfiles_of_any_name(tmp_path, capsys):
    folder = on_disk(
        tmp_path / "in", FILES | {"more/docker-bake.hcl": 'target "x" { matrix = { a = [1] } }\n'}
    )
    command = ["import", folder, "--output", str(tmp_path / "out")]
    assert main(command) == 3
    out, err = capsys.readouterr()
    assert "more/docker-bake.hcl:1  not read: target x: matrix is not read\n" in out
    assert "3 of 4 images imported" in err and "1 of them was not read" in err
    assert (tmp_path / "out/images/shop/Dockerfile.tmpl").read_text().endswith("FROM run\n")
