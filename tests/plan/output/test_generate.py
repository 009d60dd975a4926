"""dist/: laid out as S1 says, the same bytes every time, stale files removed, strangers left alone."""

from contextlib import suppress

import pytest

from pipeline.catalogue import SourceFile, read_source
from pipeline.errors import ConfigError, EnvironmentProblem
from pipeline.plan import check, generated_files, make_plan, write
from tests.catalogue.sample import PROJECT, folder, image, plan, put

FILES = folder("python/3", image("[3.13.7, 3.13.6]", "variants: [semantic-release]\n")) | {
    "python/rootfs/etc/python-info": "level=image",
    "python/rootfs/etc/image-level-only": "",
    "python/3/rootfs/etc/python-info": "level=version",
    "python/3/rootfs/bin/tool": SourceFile("file", 0o755, b"#!/bin/sh\n"),
    "python/3/rootfs/bin/link": SourceFile("link", target="tool"),
    "python/3/test.yml.tpl": "schemaVersion: 2.0.0\nmetadataTest: {user: root}\n",
}


def tree(root):
    out = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            out[name] = f"-> {path.readlink()}"
        elif path.is_file():
            out[name] = f"{path.stat().st_mode & 0o777:o} {path.read_text()}"
    return out


def generate(files, dist, **options):
    found = plan(files, **options)
    return [str(c) for c in write(generated_files(found), dist, found.source)]


def test_the_layout(tmp_path):
    generate(FILES, tmp_path)
    found = tree(tmp_path)
    del found[".lockage-files"]
    assert set(found) == {
        f"python/{tag}/{path}"
        for tag in ("3.13.7", "3.13.6", "3.13.7-semantic-release", "3.13.6-semantic-release")
        for path in (
            "Dockerfile",
            "test.yml",
            "rootfs/etc/python-info",
            "rootfs/etc/image-level-only",
            "rootfs/bin/tool",
            "rootfs/bin/link",
        )
    }
    assert found["python/3.13.7/Dockerfile"] == "644 FROM debian:12\nCOPY --chown=0:0 rootfs/ /\n"
    assert found["python/3.13.7/rootfs/etc/python-info"] == "644 level=version"
    assert found["python/3.13.7/rootfs/bin/tool"] == "755 #!/bin/sh\n"
    assert found["python/3.13.7/rootfs/bin/link"] == "-> tool"


def test_twice_is_a_no_op_and_the_same_bytes_elsewhere(tmp_path):
    assert generate(FILES, tmp_path / "a")
    assert generate(FILES, tmp_path / "a") == []
    generate(FILES, tmp_path / "b")
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_check_says_what_write_does(tmp_path):
    generate(FILES, tmp_path)
    (tmp_path / "python/3.13.7/Dockerfile").write_text("edited")
    (tmp_path / "python/3.13.7/rootfs/bin/tool").chmod(0o600)
    (tmp_path / "python/3.13.7/rootfs/bin/link").unlink()
    (tmp_path / "python/3.13.7/rootfs/bin/link").symlink_to("/etc/passwd")
    (tmp_path / "python/3.13.6/test.yml").unlink()
    expected = [
        "add    python/3.13.6/test.yml",
        "change python/3.13.7/Dockerfile",
        "change python/3.13.7/rootfs/bin/link",
        "change python/3.13.7/rootfs/bin/tool",
    ]
    before = tree(tmp_path)
    assert [str(c) for c in check(generated_files(plan(FILES)), tmp_path)] == expected
    assert tree(tmp_path) == before
    assert generate(FILES, tmp_path) == expected
    assert generate(FILES, tmp_path) == []


def test_what_is_stale_goes_and_what_is_not_ours_stays(tmp_path):
    generate(FILES, tmp_path)
    put(tmp_path, {"python/3.13.6/notes.txt": "mine", "other/file": "mine"})
    fewer = FILES | {"python/3/image.yml": "tags: [3.13.7]\n"}
    del fewer["python/3/rootfs/bin/tool"], fewer["python/3/rootfs/bin/link"]
    generate(fewer, tmp_path)
    assert set(tree(tmp_path)) == {
        ".lockage-files",
        "other/file",
        "python/3.13.6/notes.txt",
        "python/3.13.7/Dockerfile",
        "python/3.13.7/test.yml",
        "python/3.13.7/rootfs/etc/python-info",
        "python/3.13.7/rootfs/etc/image-level-only",
    }
    assert not (tmp_path / "python/3.13.7/rootfs/bin").exists()
    assert not (tmp_path / "python/3.13.7-semantic-release").exists()
    assert generate(fewer, tmp_path) == []


def test_the_record_cannot_name_files_elsewhere(tmp_path):
    generate(FILES, tmp_path / "dist")
    put(tmp_path, {"victim": "x"})
    record = tmp_path / "dist/.lockage-files"
    record.write_text(record.read_text() + f"../victim\n{tmp_path}/victim\npython/../../victim\n")
    generate(FILES, tmp_path / "dist")
    assert (tmp_path / "victim").read_text() == "x"


def test_nothing_is_written_through_a_link(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    put(tmp_path / "dist", {"python/keep": ""})
    (tmp_path / "dist/python/3.13.7").symlink_to(outside)
    generate(FILES, tmp_path / "dist")
    assert list(outside.iterdir()) == []
    assert (tmp_path / "dist/python/3.13.7/Dockerfile").is_file()


def test_a_dist_that_is_a_link_is_refused(tmp_path):
    victim = tmp_path / "victim"
    put(victim, {"python/3.13.7/Dockerfile/precious": "x"})
    (tmp_path / "dist").symlink_to(victim)
    for step in (lambda: generate(FILES, tmp_path / "dist"), lambda: check({}, tmp_path / "dist")):
        with pytest.raises(EnvironmentProblem, match="dist is a symbolic link"):
            step()
    assert [path.name for path in victim.rglob("*") if path.is_file()] == ["precious"]


@pytest.mark.parametrize("what", ["dist", "dist/python", "dist/python/3.13.7"])
def test_a_folder_that_becomes_a_link_while_it_is_written(tmp_path, what):
    """The link is planted between the check and the last file: nothing is written or removed behind it."""
    victim = tmp_path / "victim"
    put(victim, {"python/3.13.7/rootfs/bin/tool": "x", "3.13.7/rootfs/bin/tool": "x", "rootfs/bin/tool": "x"})
    before = tree(victim)
    found = plan(FILES)

    class Planting:
        def read(self, path):
            if (tmp_path / what).is_dir() and not (tmp_path / "aside").exists():
                (tmp_path / what).rename(tmp_path / "aside")
                (tmp_path / what).symlink_to(victim)
            return found.source.read(path)

    with suppress(EnvironmentProblem):
        write(generated_files(found), tmp_path / "dist", Planting())
    assert (tmp_path / "aside").is_dir()
    assert tree(victim) == before


def test_a_name_with_a_line_break_is_no_name_of_another_file(tmp_path):
    generate({**FILES, "python/3/rootfs/x\npython/mine": "generated"}, tmp_path)
    odd = tmp_path / "python/3.13.7/rootfs/x\npython/mine"
    assert odd.read_text() == "generated"
    put(tmp_path, {"python/mine": "not generated"})
    generate(FILES, tmp_path)
    assert (tmp_path / "python/mine").read_text() == "not generated"
    assert not odd.exists()


def test_a_file_where_a_folder_must_be_and_the_other_way(tmp_path):
    put(tmp_path, {"python/3.13.7/rootfs/etc": "a file", "python/3.13.7/Dockerfile/x": "a folder"})
    generate(FILES, tmp_path)
    assert (tmp_path / "python/3.13.7/Dockerfile").is_file()
    assert (tmp_path / "python/3.13.7/rootfs/etc").is_dir()


def test_platforms_share_one_folder(tmp_path):
    project = PROJECT + "platforms: [linux/amd64, linux/arm64]\n"
    found = plan(folder("a", image(template="FROM debian:12\nRUN echo $TARGETARCH\n")), project)
    assert len(found.targets) == 2
    assert list(generated_files(found)) == ["a/1.0.0/Dockerfile"]


def test_a_snapshot_writes_snapshot_references(tmp_path):
    files = folder("base", image("[2025.09]")) | folder("a", image(template="FROM base:2025.09\n"))
    generate(files, tmp_path, snapshot_id="mr-1")
    assert (tmp_path / "a/1.0.0/Dockerfile").read_text() == "FROM base:2025.09-mr-1\n"


def test_a_source_that_changes_meanwhile_is_noticed(tmp_path):
    root = tmp_path / "repo"
    put(
        root,
        {
            "lockage.yml": PROJECT,
            **{f"images/a/{k}": v for k, v in image().items()},
            "images/a/rootfs/x": "1",
        },
    )
    found = make_plan(read_source(root))
    put(root, {"images/a/rootfs/x": "2"})
    with pytest.raises(EnvironmentProblem, match="changed while it was used"):
        write(generated_files(found), tmp_path / "dist", found.source)


def test_a_folder_without_a_project(tmp_path):
    with pytest.raises(ConfigError) as caught:
        read_source(tmp_path)
    assert "lockage.yml: is missing" in str(caught.value.detail)


def other_bytes(place):
    place.write_bytes(bytes(b ^ 1 for b in place.read_bytes()))


def a_link_to_the_same(place):
    twin = place.with_name("twin")
    place.rename(twin)
    place.symlink_to(twin)


@pytest.mark.parametrize("path", ["Dockerfile", "test.yml", "rootfs/bin/tool", "rootfs/etc/python-info"])
@pytest.mark.parametrize(
    "edit",
    [
        other_bytes,
        a_link_to_the_same,
        lambda place: place.write_bytes(place.read_bytes() + b"x"),
        lambda place: place.write_bytes(place.read_bytes()[:-1]),
        lambda place: place.chmod(0o600),
    ],
)
def test_no_difference_is_overlooked_and_every_one_is_mended(tmp_path, path, edit):
    generate(FILES, tmp_path)
    edit(tmp_path / "python/3.13.7" / path)
    assert generate(FILES, tmp_path) == [f"change python/3.13.7/{path}"]
    assert generate(FILES, tmp_path) == []
    assert not (tmp_path / "python/3.13.7" / path).is_symlink()
