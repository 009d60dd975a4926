"""A folder of Dockerfiles becomes a catalogue that plans: names, sources, escapes, and what is left to a person."""

import pytest

from pipeline.catalogue import SourceFile
from pipeline.importing import ASIDE
from pipeline.importing.rewrite import rewrite
from pipeline.plan import make_plan

from .imported import AMD64, DEBIAN, catalogue, imported, notes, planned


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
    by_image = notes(imported(files))
    assert (
        "base:latest copies files of app by ONBUILD: they are not brought along, copy them to rootfs/"
        in by_image["app:latest"]
    )
    assert not any("ONBUILD" in line for line in by_image["other:latest"])


def test_variants_are_named():
    by_image = notes(imported({"a/Dockerfile": DEBIAN, "a/Dockerfile.dev": DEBIAN}))
    assert by_image == {"a:latest": ["variant dev, from a/Dockerfile.dev"]}


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
    reasons = {i.name.partition(":")[0]: i.by_hand[0] for i in found.images if i.status == "set aside"}
    assert reasons["lost"] == "lost/Dockerfile:3: COPY dist/app: there is no dist/app in lost"
    assert reasons["child"] == "child/Dockerfile:1: it is based on lost, which is set aside"
    assert reasons["grandchild"] == "grandchild/Dockerfile:1: it is based on child, which is set aside"
    assert "give its ARG a default" in reasons["arg"]
    assert "one:latest" in reasons["one"] or "one:latest" in reasons["two"]
    assert "there is no FROM" in reasons["empty"]
    assert reasons["binary"] == "binary/Dockerfile is not UTF-8 text"
    assert "larger than" in reasons["large"]
    assert "ignored/a is left out by .dockerignore" in reasons["ignored"]
    assert "is not closed" in reasons["bad"]
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
    by_image = notes(found)
    assert by_image["word:latest"] == [
        "word/Dockerfile:1:1: FRM: unknown instruction (did you mean FROM?) (word:latest)"
    ]
    assert by_image["first:latest"] == ["first/Dockerfile:1:1: RUN: is before the first FROM (first:latest)"]
    assert by_image["open:latest"][0].startswith("open/Dockerfile:2:1: RUN: the heredoc is not closed")
    assert by_image["copy:latest"][0].startswith("copy/Dockerfile:2:1: COPY: a source and a destination")
    assert by_image["good:latest-dev"] == ["good/Dockerfile.dev:2:1: ENV: A has no value (good:latest-dev)"]
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
