"""`init`: a first catalogue plans as it stands, its files fit their schemas, and nothing that is there is touched."""

import errno
import json
import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from pipeline.catalogue import Source, read_source
from pipeline.cli import main
from pipeline.cli.commands.catalogue.scaffold import editor_schemas
from pipeline.cli.files.new_files import write_new
from pipeline.errors import EnvironmentProblem, UsageError
from pipeline.importing.scaffold import check_name, first_catalogue, gitignore, project_name
from pipeline.plan import make_plan
from tests.config.core_yaml import as_an_editor

SCHEMAS = editor_schemas()
FILES = first_catalogue("demo", SCHEMAS)


def listing(root):
    return sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_symlink() or not p.is_dir())


def test_it_plans_without_a_warning():
    plan = make_plan(Source.of({path: file.content for path, file in FILES.items()}))
    assert [(t.name, t.internal_bases) for t in plan.targets] == [
        ("base:1.0.0", ()),
        ("app:0.1.0", ("base/1.0.0/linux-amd64",)),
    ]
    assert not any(t.warnings for t in plan.targets)
    assert all(t.test and "commandTests" in t.test for t in plan.targets)
    assert "COPY --chown=0:0 rootfs/ /" in plan.targets[1].dockerfile


def test_its_files_name_schemas_that_are_there_and_fit_them():
    named = 0
    for path, file in FILES.items():
        if path.endswith(".yml"):
            text = file.content.decode()
            relative = text.partition("$schema=")[2].partition("\n")[0]
            schema = os.path.normpath(f"{path.rpartition('/')[0] or '.'}/{relative}")
            Draft202012Validator(json.loads(FILES[schema].content)).validate(as_an_editor(text))
            named += 1
    assert named == 3


def test_init_writes_it_and_again_nothing(tmp_path, capsys):
    root = tmp_path / "My Images"
    assert main(["init", str(root)]) == 0
    assert listing(root) == sorted([*FILES, ".gitignore"])
    assert "project: my-images\n" in (root / "lockage.yml").read_text()
    assert stat.S_IMODE((root / "images/app/rootfs/usr/local/bin/hello").stat().st_mode) == 0o755
    assert capsys.readouterr().err.endswith(f"next: lockage -C {root} run\n")
    assert len(make_plan(read_source(root)).targets) == 2
    assert main(["init", str(root), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["written"] == []


def test_what_is_there_is_listed_and_nothing_is_written(tmp_path, capsys):
    (tmp_path / "images").mkdir()
    (tmp_path / "images/base").write_text("a file")
    (tmp_path / "lockage.yml").write_text("mine")
    assert main(["-C", str(tmp_path), "init", "--project", "demo"]) == 2
    message = capsys.readouterr().err
    assert "2 files" in message and "\n  images/base\n" in message and "\n  lockage.yml\n" in message
    assert listing(tmp_path) == ["images/base", "lockage.yml"]
    assert (tmp_path / "lockage.yml").read_text() == "mine"


def test_other_images_may_be_there(tmp_path):
    (tmp_path / "images/other").mkdir(parents=True)
    (tmp_path / "images/other/notes").write_text("x")
    assert main(["-C", str(tmp_path), "init", "--project", "demo"]) == 0
    assert set(listing(tmp_path)) == {*FILES, ".gitignore", "images/other/notes"}


def test_a_link_is_never_written_through(tmp_path, capsys):
    outside = tmp_path / "outside"
    outside.mkdir()
    root = tmp_path / "root"
    root.mkdir()
    (root / "images").symlink_to(outside)
    assert main(["init", str(root)]) == 2
    assert "\n  images\n" in capsys.readouterr().err
    assert listing(outside) == [] and listing(root) == ["images"]


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path):
    root = tmp_path / "root"
    files = dict(FILES)
    files["lockage.yml"] = type(files["lockage.yml"])("file", origin="is/not/there")
    with pytest.raises(EnvironmentProblem, match="cannot write"):
        write_new(root, files, tmp_path, files)
    assert not root.exists()


def test_a_file_system_without_hard_links(tmp_path, monkeypatch):
    def refused(*_, **__):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)  # what FAT and some network file systems say
    assert main(["init", str(tmp_path / "new")]) == 0
    assert listing(tmp_path / "new") == sorted([*FILES, ".gitignore"])


def test_a_file_is_no_folder_and_a_name_must_be_one(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["init", str(tmp_path / "file")]) == 2
    assert "is not a folder" in capsys.readouterr().err
    assert main(["init", str(tmp_path / "new"), "--project", "My Images"]) == 2
    assert "--project my-images" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "dist/\n"),
        ("a", "a\ndist/\n"),
        ("/dist\n", "/dist\n"),
        ("dist/\nb\n", "dist/\nb\n"),
        ("b\n", "b\ndist/\n"),
    ],
)
def test_gitignore_gets_one_line(before, after):
    assert gitignore(before) == after
    assert gitignore(after) == after


@given(st.text(max_size=60))
def test_any_folder_gives_a_name(text):
    assert check_name(project_name(text)) == project_name(text)


def test_a_bad_name_is_refused():
    with pytest.raises(UsageError, match="not a project's name"):
        check_name("A b")
