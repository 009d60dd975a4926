"""rootfs/: the decision table, the order of levels, links, secrets, and that nothing escapes."""

import os
import socket

import pytest

from pipeline.catalogue import SourceFile, read_source
from pipeline.catalogue.rootfs import is_sensitive
from pipeline.errors import ConfigError
from pipeline.plan import make_plan

from .sample import PROJECT, folder, image, plan, problems, put

COPY = "COPY --chown=0:0 rootfs/ /"


def target(files, tag="1.0.0"):
    return next(t for t in plan(files).targets if t.tag == tag)


@pytest.mark.parametrize(
    ("content", "copy", "injected"),
    [(False, "true", False), (False, "false", False), (True, "true", True), (True, "false", False)],
)
def test_decision_table(content, copy, injected):
    files = folder("i", image(more=f"rootfs_copy: {copy}\n"))
    if content:
        files["i/rootfs/etc/x"] = "x"
    found = target(files)
    assert (COPY in found.dockerfile) is injected
    assert bool(found.rootfs) is content
    assert bool(found.warnings) is (content and not injected)


def test_copy_comes_right_after_the_first_from():
    files = folder("i", image(template="# a\nFROM debian:12\nUSER 0\n")) | {"i/rootfs/x": ""}
    assert target(files).dockerfile == f"# a\nFROM debian:12\n{COPY}\nUSER 0\n"


@pytest.mark.parametrize(
    "written",
    [
        "COPY rootfs/ /",
        "COPY --chown=1:1 ./rootfs/ /",
        "copy rootfs/x /etc",
        'COPY ["rootfs/", "/"]',
        "ADD rootfs /",
        "COPY \\\n  rootfs/ /",
    ],
)
def test_an_existing_copy_is_respected(written):
    text = f"FROM debian:12\n{written}\n"
    files = folder("i", image(template=text)) | {"i/rootfs/x": ""}
    assert target(files).dockerfile == text


@pytest.mark.parametrize(
    "written",
    ["# COPY rootfs/ /", "RUN echo COPY rootfs/ /", "COPY --from=debian:12 rootfs/ /"],
)
def test_what_only_looks_like_a_copy_is_not_one(written):
    files = folder("i", image(template=f"FROM debian:12\n{written}\n")) | {"i/rootfs/x": ""}
    assert COPY in target(files).dockerfile


@pytest.mark.parametrize(
    "written",
    [
        "COPY rootfs/etc/x /x",
        "COPY ./rootfs/ /",
        "COPY . /",
        "COPY Dockerfile test.yml /",
        "ADD https://example.com/x /x",
        "COPY rootfs/etc/* /",
        "COPY $X /",
        "COPY --from=debian:12 /etc/y /y",
        "COPY <<E /x\nhello\nE",
        'COPY ["rootfs/etc/x", "/x"]',
    ],
)
def test_copy_takes_from_the_context(written):
    files = folder("i", image(template=f"FROM debian:12\nARG X=rootfs\n{written}\n")) | {"i/rootfs/etc/x": ""}
    assert target(files).id


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("COPY app.py /", "app.py"),
        ("COPY rootfs/etc/y /", "rootfs/etc/y"),
        ("COPY ../secret /", "../secret"),
        ("ADD --chown=1:1 rootfs/etc/x src/ /", "src/"),
        ('COPY ["a b", "/"]', "a b"),
    ],
)
def test_what_is_not_in_the_context_is_refused_before_a_build(written, name):
    files = folder("i", image(template=f"FROM debian:12\n\n{written}\n")) | {"i/rootfs/etc/x": ""}
    keyword = written.split()[0]
    assert problems(files) == [
        f"images/i/Dockerfile.tmpl:3:1: {keyword}: {name} is not in the build context (i:1.0.0)"
        " (only rootfs/ is: put it into images/i/rootfs/)"
    ]


def test_the_owner_at_every_level():
    tags = "[1.0.0, {name: 2.0.0, rootfs_user: '1000:1000'}, {name: 3.0.0, rootfs_copy: false}]"
    more = "rootfs_user: a:a\nvariants: [{name: x, rootfs_user: 'node:node', rootfs_copy: true}]\n"
    files = folder("i", image(tags, more)) | {"i/rootfs/f": ""}
    lines = {t.tag: t.dockerfile.splitlines()[1:] for t in plan(files).targets}
    assert lines == {
        "1.0.0": ["COPY --chown=a:a rootfs/ /"],
        "2.0.0": ["COPY --chown=1000:1000 rootfs/ /"],
        "3.0.0": [],
        "1.0.0-x": ["COPY --chown=node:node rootfs/ /"],
        "2.0.0-x": ["COPY --chown=node:node rootfs/ /"],
        "3.0.0-x": ["COPY --chown=node:node rootfs/ /"],
    }


def test_levels_are_merged_and_the_later_wins():
    files = folder("python/3", image(more="variants: [semantic-release]\n")) | {
        "python/rootfs/etc/python-info": "level=image",
        "python/rootfs/etc/image-level-only": "",
        "python/3/rootfs/etc/python-info": "level=version",
        "python/3/rootfs/etc/version-only": "",
        "python/3/semantic-release/rootfs/etc/variant-only": "",
    }
    base = {e.path: e.origin for e in target(files).rootfs if e.kind == "file"}
    assert base == {
        "etc/image-level-only": "images/python/rootfs/etc/image-level-only",
        "etc/python-info": "images/python/3/rootfs/etc/python-info",
        "etc/version-only": "images/python/3/rootfs/etc/version-only",
    }
    variant = {e.path for e in target(files, "1.0.0-semantic-release").rootfs if e.kind == "file"}
    assert variant == {*base, "etc/variant-only"}


LINK = SourceFile("link", target="/usr/bin/python3")


def kinds(image_level, version_level):
    files = folder("i/1", image())
    for level, given in (("i", image_level), ("i/1", version_level)):
        files |= {f"{level}/rootfs/{path}": content for path, content in given.items()}
    found = target(files)
    return {e.path: e.target if e.kind == "link" else e.kind for e in found.rootfs}, found.warnings


def test_links_stay_links():
    assert kinds({"a": LINK, "b": SourceFile("link", target="../../x")}, {})[0] == {
        "a": "/usr/bin/python3",
        "b": "../../x",
    }


def test_a_file_replaces_a_link_and_a_link_a_file():
    assert kinds({"a": LINK}, {"a": "x"}) == ({"a": "file"}, ())
    assert kinds({"a": "x"}, {"a": LINK}) == ({"a": "/usr/bin/python3"}, ())


def test_a_folder_never_writes_through_a_link():
    found, warnings = kinds({"a": SourceFile("link", target="/etc")}, {"a/passwd": "x"})
    assert found == {"a": "dir", "a/passwd": "file"}
    assert "replaces the link" in warnings[0]


def test_a_file_replaces_a_folder_with_all_that_is_in_it():
    found, warnings = kinds({"a/b/c": "x", "ab": "y"}, {"a": "file"})
    assert found == {"a": "file", "ab": "file"}
    assert warnings == ("images/i/1/rootfs/a replaces the folder images/i/rootfs/a and 2 paths in it",)


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        "app/.env",
        ".env.production",
        "tls/server.key",
        "CERT.PEM",
        "root/.ssh/id_rsa",
        "x.p12",
        ".netrc",
    ],
)
def test_sensitive_files_give_a_warning(path):
    assert is_sensitive(path)
    files = folder("i", image()) | {f"i/rootfs/{path}": "x"}
    assert target(files).warnings == (f"images/i/rootfs/{path} looks like a secret and goes into the image",)


def test_an_empty_folder_gives_a_warning_because_a_clone_lacks_it():
    files = folder("i", image()) | {
        "i/rootfs/srv/data": SourceFile("dir", 0o755),
        "i/rootfs/etc/x": "x",
    }
    (warning,) = target(files).warnings
    assert warning.startswith("images/i/rootfs/srv/data is empty, and git does not record")


@pytest.mark.parametrize("path", ["env", "keys", "key.txt", "id_rsa.pub", "pem", "environment"])
def test_others_do_not(path):
    assert not is_sensitive(path)


def test_a_device_is_refused():
    files = folder("i", image()) | {"i/rootfs/dev/null": SourceFile("other")}
    assert problems(files) == [
        "images/i/rootfs/dev/null: is a device, socket or pipe (only files, folders and links)"
    ]


@pytest.mark.parametrize("entry", [SourceFile("link", target="/etc"), SourceFile("file", content=b"")])
def test_rootfs_itself_must_be_a_folder(entry):
    assert "rootfs must be a folder" in problems(folder("i", image()) | {"i/rootfs": entry})[0]


def test_several_stages_are_pointed_out():
    text = "FROM debian:12 AS build\nFROM debian:12\n"
    files = folder("i", image(template=text)) | {"i/rootfs/x": ""}
    assert "first stage of several" in target(files).warnings[0]


def test_the_disk_is_read_without_following_anything(tmp_path):
    outside = tmp_path / "outside"
    put(outside, {"secret": "s"})
    root = tmp_path / "repo"
    put(root, {"lockage.yml": PROJECT, **{f"images/i/{k}": v for k, v in image().items()}})
    rootfs = root / "images/i/rootfs"
    rootfs.mkdir()
    (rootfs / "up").symlink_to("../../../../outside")
    (rootfs / "absolute").symlink_to(outside)
    (rootfs / "loop").symlink_to("loop")
    put(rootfs, {"run": "#!/bin/sh\n"})
    (rootfs / "run").chmod(0o775)
    found = make_plan(read_source(root)).targets[0]
    assert {e.path: (e.kind, e.target) for e in found.rootfs} == {
        "absolute": ("link", str(outside)),
        "loop": ("link", "loop"),
        "run": ("file", None),
        "up": ("link", "../../../../outside"),
    }
    assert next(e.mode for e in found.rootfs if e.path == "run") == 0o755


def test_pipes_and_sockets_on_the_disk_are_refused_and_never_opened(tmp_path):
    put(tmp_path, {"lockage.yml": PROJECT, **{f"images/i/{k}": v for k, v in image().items()}})
    rootfs = tmp_path / "images/i/rootfs"
    rootfs.mkdir()
    os.mkfifo(rootfs / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        here = os.open(rootfs, os.O_DIRECTORY)
        try:
            server.bind(f"/proc/self/fd/{here}/sock")
        finally:
            os.close(here)
        with pytest.raises(ConfigError) as caught:
            make_plan(read_source(tmp_path))
    assert [p.path for p in caught.value.problems] == ["images/i/rootfs/pipe", "images/i/rootfs/sock"]
