"""What git says has changed, and lists of names: read as they are written, refused where they cannot be right."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from pipeline.catalogue import read_source
from pipeline.cli import main
from pipeline.cli.git.history import entries_at
from pipeline.cli.planning.changed_names import parse_names
from pipeline.errors import UsageError
from pipeline.plan.changes.reverted import reverted
from pipeline.plan.schema import plan_schema
from tests.tools.git import git

FILES = {
    "lockage.yml": "version: 1\nproject: demo\nbases: [debian:12]\n",
    "images/base/image.yml": "tags: [1.0.0]\n",
    "images/base/Dockerfile.tmpl": "FROM debian:12\n",
    "images/app/image.yml": "tags: [2.0.0]\n",
    "images/app/Dockerfile.tmpl": "FROM base:1\n",
    "images/app/rootfs/etc/a": "1\n",
    "README.md": "words\n",
}


def put(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [n for n in os.environ if n.startswith(("LOCKAGE_", "GIT_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LOCKAGE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LOCKAGE_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def root(home: Path) -> Path:
    """A committed catalogue in a folder of a repository."""
    put(home / "repository/below", FILES)
    git(home, "init", "--quiet", "repository")
    git(home / "repository", "add", "--all")
    git(home / "repository", "commit", "--quiet", "--message", "one")
    return home / "repository" / "below"


def lockage(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    code = main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_every_way_to_change_is_seen_and_can_be_undone(root: Path) -> None:
    then = read_source(root).files
    assert entries_at(root, "HEAD") == {}
    (root / "images/app/image.yml").write_text("tags: [2.1.0]\n")
    (root / "images/app/rootfs/etc/a").chmod(0o755)
    (root / "images/base/Dockerfile.tmpl").unlink()
    git(root, "rm", "--quiet", "images/app/Dockerfile.tmpl")
    put(
        root,
        {
            "images/new/image.yml": "",
            "images/staged/x": "1",
            "images/app/rootfs/ä \n\"'": "odd",
            "README.md": "x",
        },
    )
    git(root, "add", "images/staged")
    (root / "images/app/rootfs/link").symlink_to("/nowhere")
    found = entries_at(root, "HEAD")
    assert {path for path, entry in found.items() if entry is None} == {
        "images/new/image.yml",
        "images/staged/x",
        "images/app/rootfs/ä \n\"'",
        "images/app/rootfs/link",
    }
    assert found["images/app/rootfs/etc/a"].mode == 0o644
    assert found["images/app/rootfs/etc/a"].content is None
    assert found["images/app/image.yml"].content == b"tags: [2.0.0]\n"
    assert reverted(read_source(root), found).files == then


def test_links_folders_and_files_that_take_each_other_s_place(root: Path) -> None:
    (root / "images/app/rootfs/l").symlink_to("/a")
    put(root, {"images/app/rootfs/d/x": "1", "images/app/rootfs/f": "1"})
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "two")
    then = read_source(root).files
    for path in ("l", "d/x", "f"):
        (root / "images/app/rootfs" / path).unlink()
    (root / "images/app/rootfs/d").rmdir()
    (root / "images/app/rootfs/d").symlink_to("/d")
    put(root, {"images/app/rootfs/l": "file", "images/app/rootfs/f/y": "2"})
    assert reverted(read_source(root), entries_at(root, "HEAD")).files == then
    assert entries_at(root, "HEAD")["images/app/rootfs/l"].target == "/a"


def test_what_git_ignores_is_unchanged(root: Path) -> None:
    put(root, {".gitignore": "*.log\n", "images/app/rootfs/a.log": "x"})
    assert entries_at(root, "HEAD") == {}


def test_the_plan_of_a_change_with_reasons(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "images/app/rootfs/etc/a").write_text("2\n")
    code, out, _ = lockage(capsys, "-C", root, "plan", "--affected", "HEAD", "--json")
    data = json.loads(out)
    assert code == 0
    assert [t["id"] for t in data["targets"]] == ["base/1.0.0/linux-amd64", "app/2.0.0/linux-amd64"]
    assert data["affected"] == [
        {"id": "app/2.0.0/linux-amd64", "reasons": ["images/app/rootfs/etc/a changed"]}
    ]
    Draft202012Validator(plan_schema()).validate(data)
    code, out, _ = lockage(capsys, "-C", root, "plan", "--affected", "HEAD")
    assert "    why   images/app/rootfs/etc/a changed\n" in out
    assert "    why   a base of affected targets\n" in out
    assert '"affected"' not in lockage(capsys, "-C", root, "plan", "--json")[1]


def test_with_patterns_platforms_and_snapshots(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "images/base/Dockerfile.tmpl").write_text("FROM debian:12\nRUN x\n")
    (root / "images/app/image.yml").write_text("tags: [2.0.0, 2.1.0]\n")

    def ids(*options: str) -> list[str]:
        code, out, _ = lockage(capsys, "-C", root, "plan", "--affected", "HEAD", "--json", *options)
        assert code == 0
        return [t["id"].removesuffix("/linux-amd64") for t in json.loads(out)["targets"]]

    assert ids() == ["base/1.0.0", "app/2.0.0", "app/2.1.0"]
    assert ids("app:2.1.0") == ["base/1.0.0", "app/2.1.0"]
    assert ids("base") == ["base/1.0.0"]
    assert ids("--only", "app/2.0.0/linux-amd64") == ["base/1.0.0", "app/2.0.0"]
    assert ids("--snapshot-id", "mr-1", "--platform", "linux/amd64") == ids()


def test_nothing_is_affected(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(root, {"images/app/image.yml": "# words\ntags: [2.0.0]\n"})
    code, out, err = lockage(capsys, "-C", root, "plan", "--affected", "HEAD", "--json")
    assert (code, json.loads(out)["targets"], json.loads(out)["affected"]) == (0, [], [])
    assert "nothing is affected" in err
    for command in (
        ["plan"],
        ["graph"],
        ["graph", "--json"],
        ["generate", "--json"],
        ["generate", "--check"],
    ):
        assert lockage(capsys, "-C", root, *command, "--affected", "HEAD")[0] == 0
    assert lockage(capsys, "-C", root, "plan", "--affected", "HEAD", "app")[:2] == (0, "")


def test_what_is_gone_is_told(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in ("images/app/image.yml", "images/app/Dockerfile.tmpl", "images/app/rootfs/etc/a"):
        (root / path).unlink()
    for folder in ("images/app/rootfs/etc", "images/app/rootfs", "images/app"):
        (root / folder).rmdir()
    code, out, err = lockage(capsys, "-C", root, "plan", "--affected", "HEAD")
    assert (code, out) == (0, "")
    assert "no longer there: app/2.0.0/linux-amd64" in err


@pytest.mark.parametrize("name", ["nope", "", "--output=x", "-p", "HEAD^^^", "HEAD:README.md", "a..b"])
def test_a_commit_that_is_not_there(root: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    code, _, err = lockage(capsys, "-C", root, "plan", f"--affected={name}")
    assert code == 2
    assert f"there is no commit {name!r}" in err
    assert "git log" in err


def test_a_shallow_clone_says_how_to_get_more(
    root: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(root, {"README.md": "two\n"})
    git(root, "commit", "--quiet", "--all", "--message", "two")
    git(home, "clone", "--quiet", "--depth=1", f"file://{root.parent}", "shallow")
    code, _, err = lockage(capsys, "-C", home / "shallow/below", "plan", "--affected", "HEAD~1")
    assert code == 2
    assert "git fetch --depth=" in err


def test_no_repository(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(home))
    put(home / "plain", FILES)
    code, _, err = lockage(capsys, "-C", home / "plain", "plan", "--affected", "HEAD")
    assert code == 2
    assert "is in no git repository" in err
    git(home / "plain", "init", "--quiet")
    monkeypatch.setenv("PATH", str(home))
    code, _, err = lockage(capsys, "-C", home / "plain", "plan", "--affected", "HEAD")
    assert code == 4
    assert "--changed-files-from needs no git" in err


def test_an_earlier_file_that_git_lost(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blob = git(root, "rev-parse", "HEAD:./images/app/image.yml")
    (root.parent / ".git/objects" / blob[:2] / blob[2:]).unlink()
    (root / "images/app/image.yml").write_text("tags: [2.1.0]\n")
    code, _, err = lockage(capsys, "-C", root, "plan", "--affected", "HEAD")
    assert code == 4
    assert blob[:12] in err
    assert "git fsck" in err


def test_names_from_stdin_and_from_a_file(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.TextIOWrapper(io.BytesIO(b"README.md\nimages/app/rootfs/etc/a\n"))
    monkeypatch.setattr(sys, "stdin", stream)
    code, out, _ = lockage(capsys, "-C", root, "plan", "--changed-files-from", "-", "--json")
    assert code == 0
    assert json.loads(out)["affected"] == [
        {"id": "app/2.0.0/linux-amd64", "reasons": ["images/app/rootfs/etc/a changed"]}
    ]
    put(root, {"names": "below/images/app/image.yml\n"})
    code, out, err = lockage(capsys, "-C", root, "plan", "--changed-files-from", "names")
    assert (code, out) == (0, "")
    assert "none of 1 names is in the catalogue" in err
    assert "nothing is affected" in err
    code, _, err = lockage(capsys, "-C", root, "plan", "--changed-files-from", "nowhere")
    assert (code, "nowhere: No such file" in err) == (2, True)
    with pytest.raises(SystemExit) as stopped:
        lockage(capsys, "plan", "--affected", "HEAD", "--changed-files-from", "-")
    assert stopped.value.code == 2


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (b"", ()),
        (b"a\nb/c\n", ("a", "b/c")),
        (b"./a\r\n\r\na\n", ("a",)),
        (b"a\nb\0c\0", ("a\nb", "c")),
        (b'"im\\303\\244ge \\"x\\"\\n"\n', ('imäge "x"\n',)),
        ('"ä"'.encode(), ("ä",)),
        (b"a/../b", ("b",)),
    ],
)
def test_names_as_git_writes_them(content: bytes, names: tuple[str, ...]) -> None:
    assert parse_names(content) == names


def test_an_absolute_name_is_refused() -> None:
    with pytest.raises(UsageError, match="is absolute"):
        parse_names(b"/etc/passwd\n")
