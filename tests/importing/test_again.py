"""An import over an earlier one: the difference is shown and taken, and what somebody edited stays."""

import json
import os

import pytest

from pipeline.cli import main
from pipeline.importing.import_record import RECORD, read_record

from .imported import DEBIAN, on_disk

FILES = {
    "web/Dockerfile": DEBIAN + "COPY a.sh /\nCOPY more /more\n",
    "web/a.sh": "1",
    "web/more/b": "2",
    "old/Dockerfile": DEBIAN,
}


@pytest.fixture
def again(tmp_path, capsys):
    """Import in/ to out/; the exit code, and what was printed as JSON."""
    on_disk(tmp_path / "in", FILES)

    def run(*options):
        code = main(["-C", str(tmp_path), "import", "in", "--output", "out", "--json", *options])
        return code, json.loads(capsys.readouterr().out)

    code, first = run()
    assert code == 0 and first["written"] and not first["changed"]
    return run


def changes(result):
    code, found = result
    return code, found["files"], found["changed"], found["removed"], found["kept"]


def test_nothing_changed(again, tmp_path):
    record = (tmp_path / "out" / RECORD).read_bytes()
    assert changes(again()) == (0, [], [], [], [])
    assert (tmp_path / "out" / RECORD).read_bytes() == record


def test_the_difference_is_taken(again, tmp_path, capsys):
    out = tmp_path / "out/images"
    on_disk(
        tmp_path / "in",
        {"web/Dockerfile": DEBIAN + "COPY a.sh /\nUSER 1\n", "web/a.sh": "3", "new/Dockerfile": DEBIAN},
    )
    (tmp_path / "in/old/Dockerfile").unlink()
    (tmp_path / "in/web/a.sh").chmod(0o755)
    (out / "web/test.yml.tpl").write_text("own: 1\n")
    expected = (
        0,
        ["images/new/Dockerfile.tmpl", "images/new/image.yml"],
        ["images/web/Dockerfile.tmpl", "images/web/rootfs/a.sh"],
        ["images/old/Dockerfile.tmpl", "images/old/image.yml", "images/web/rootfs/more/b"],
        [],
    )
    before = (out / "web/Dockerfile.tmpl").read_text()
    assert changes(again("--plan")) == expected
    assert (out / "web/Dockerfile.tmpl").read_text() == before
    assert main(["-C", str(tmp_path), "import", "in", "--output", "out", "--plan"]) == 0
    stdout, stderr = capsys.readouterr()
    assert "images/web/Dockerfile.tmpl  changed\n" in stdout
    assert (
        "    -COPY rootfs/more /more\n    +USER 1\n" in stdout and "images/old/image.yml  removed\n" in stdout
    )
    assert "2 files would be written, 2 changed, 3 removed" in stderr
    assert changes(again()) == expected
    assert (out / "web/Dockerfile.tmpl").read_text().endswith("USER 1\n")
    assert os.access(out / "web/rootfs/a.sh", os.X_OK)
    assert not (out / "old").exists() and not (out / "web/rootfs/more").exists()
    assert (out / "web/test.yml.tpl").exists()
    assert changes(again()) == (0, [], [], [], [])


def test_what_was_edited_stays_and_is_named_once(again, tmp_path):
    template = tmp_path / "out/images/web/Dockerfile.tmpl"
    gone = tmp_path / "out/images/old/Dockerfile.tmpl"
    template.write_text(DEBIAN + "# mine\n")
    gone.write_text("# mine\n")
    result = again()
    assert changes(result) == (0, [], [], [], [])
    assert sorted(result[1]["edited"]) == ["images/old/Dockerfile.tmpl", "images/web/Dockerfile.tmpl"]
    on_disk(tmp_path / "in", {"web/Dockerfile": DEBIAN + "USER 1\n"})
    (tmp_path / "in/old/Dockerfile").unlink()
    kept = ["images/old/Dockerfile.tmpl", "images/web/Dockerfile.tmpl"]
    code, *_, found = changes(again("--plan"))
    assert (code, sorted(found)) == (3, kept)
    code, *_, found = changes(again())
    assert (code, sorted(found)) == (3, kept)
    assert template.read_text().endswith("# mine\n") and gone.exists()
    assert changes(again()) == (0, [], [], [], [])


def test_nothing_of_an_image_that_is_set_aside_is_removed(again, tmp_path):
    on_disk(tmp_path / "in", {"web/Dockerfile": DEBIAN + "COPY nowhere /\n"})
    assert changes(again()) == (3, [], [], [], [])
    on_disk(tmp_path / "in", {"web/Dockerfile": FILES["web/Dockerfile"] + "USER 1\n"})
    assert changes(again()) == (0, [], ["images/web/Dockerfile.tmpl"], [], [])


def test_other_options_add_images_and_remove_none(again, tmp_path, capsys):
    on_disk(tmp_path / "in", {"src/deep/1.0/linux/Dockerfile": DEBIAN})
    code, found = again("--layout", "src/<name>/<version>/<os>")
    assert (code, found["removed"], found["staying"]) == (3, [], ["images/old", "images/web"])
    assert (tmp_path / "out/images/deep/Dockerfile.tmpl").is_file()
    assert (tmp_path / "out/images/web/Dockerfile.tmpl").is_file()
    code, found = again("--layout", "<name>", "--layout", "src/<name>/<version>/<os>")
    assert (code, found["removed"], found["staying"]) == (0, [], [])
    main(["-C", str(tmp_path), "import", "in", "--output", "out", "--name", "old=new"])
    assert (
        "images/old  of an earlier import, and kept: its Dockerfile is still there\n"
        in capsys.readouterr().out
    )


def test_files_that_no_import_wrote_are_never_replaced(again, tmp_path, capsys):
    on_disk(tmp_path, {"in/own/Dockerfile": DEBIAN, "out/images/own/image.yml": "tags: [1]\n"})
    assert main(["-C", str(tmp_path), "import", "in", "--output", "out"]) == 2
    assert "1 file in" in (stderr := capsys.readouterr().err) and "images/own/image.yml" in stderr


def test_a_record_leads_nowhere_else(again, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("x")
    digest = "sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    paths = ["images/../../victim", "../victim", str(victim), "lockage.yml", "images/link/victim", "images"]
    (tmp_path / "out/images/link").symlink_to(tmp_path)
    record = {"version": 1, "imports": {"../in": {"files": dict.fromkeys(paths, digest)}}}
    assert read_record(json.dumps(record).encode())["../in"].files == {"images/link/victim": digest}
    (tmp_path / "out" / RECORD).write_text(json.dumps(record))
    assert main(["-C", str(tmp_path), "import", "in", "--output", "out"]) in (0, 4)
    assert victim.exists() and (tmp_path / "out/lockage.yml").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"imports": 1}',
        b'{"imports": {"a": 1, "b": {"images/x": 1}}}',
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_records_that_are_none(content):
    assert not any(one.files or one.dockerfiles for one in read_record(content).values())
