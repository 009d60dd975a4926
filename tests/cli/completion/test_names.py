"""Names of the catalogue, as completion offers them: read from the files or the plan's cache, and nothing written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.cli import main
from pipeline.cli.completion.candidates import answer
from pipeline.cli.completion.command_line import Line
from tests.catalogue.sample import put

from .conftest import CATALOGUE
from .test_completion import offered


def test_names_of_the_catalogue(catalogue: Path) -> None:
    assert offered("run", "") == {"app": "An app", "apple": "", "base": ""}
    assert offered("run", "base", "--only", "") == offered("run", "app", "")
    assert list(offered("run", "ap")) == ["app", "apple", "base"]
    assert offered("run", "app") == offered("run", "") | offered("run", "app:")
    assert offered("run", "app:1") == {
        "app:1.2.3": "",
        "app:1": "alias of 1.2.3",
        "app:1.2": "alias of 1.2.3",
        "app:2.0.0": "",
        "app:2": "alias of 2.0.0",
        "app:2.0": "alias of 2.0.0",
    }
    assert list(offered("run", "ba")) == ["app", "apple", "base", "base:1.0.0", "base:1", "base:1.0"]
    ids = ("app/1.2.3/linux-amd64", "app/1.2.3/linux-arm64", "app/2.0.0/linux-amd64", "app/2.0.0/linux-arm64")
    assert sorted(offered("plan", "--explain", "app/2")) == [*ids]
    assert offered("run", "nothing:") == offered("run", "nothing/") == {}
    assert offered("promote", "--to", "") == {"dev": "dev/{image}", "prod": "prod/{image}"}
    assert list(offered("promote", "--to=p")) == ["--to=dev", "--to=prod"]
    assert list(offered("plan", "--platform", "")) == ["linux/amd64", "linux/arm64"]
    assert list(offered("rollback", "")) == ["dev", "prod"]
    assert list(offered("rollback", "prod", "app", "")) == ["app", "apple", "base"]
    assert "--json" in offered("rollback", "prod", "--reason", "x", "-")


def test_the_folder_of_the_command(catalogue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert list(offered("-C", "catalogue", "rollback", "")) == ["dev", "prod"]
    assert list(offered("-Ccatalogue", "-v", "rollback", "")) == ["dev", "prod"]
    assert list(offered("-C", "~/catalogue", "rollback", "")) == ["dev", "prod"]
    assert list(offered("-C", "~nobody-of-this-name", "rollback", "")) == []
    assert list(offered("rollback", "")) == []


@pytest.mark.parametrize("change", ["title: [", "tags: [9.9.9]\nno: key\n", None])
def test_without_a_sound_catalogue_there_are_no_names(
    catalogue: Path, change: str | None, capfd: pytest.CaptureFixture[str]
) -> None:
    file = catalogue / ("images/app/image.yml" if change else "lockage.yml")
    file.write_text(change) if change else file.unlink()
    assert main(["__complete", "fish", "run", ""]) == 0
    assert main(["__complete", "fish", "run", "--on"]) == 0
    out, err = capfd.readouterr()
    assert "--only" in out and "app" not in out.split() and not err


def test_names_are_those_of_the_files(catalogue: Path) -> None:
    """Whatever was kept: after each change the answer is as with an empty cache."""
    assert list(offered("run", "")) == ["app", "apple", "base"]
    put(
        catalogue,
        {"images/new/image.yml": "tags: [1.0.0]\n", "images/new/Dockerfile.tmpl": "FROM debian:12\n"},
    )
    assert list(offered("run", "")) == ["app", "apple", "base", "new"]
    put(catalogue, {"images/new/image.yml": "tags: [1.0.0, 3.0.0]\n"})
    assert "new:3.0.0" in offered("run", "new:")
    put(catalogue, {"lockage.yml": CATALOGUE["lockage.yml"].replace("prod", "live")})
    assert list(offered("promote", "--to", "")) == ["dev", "live"]


def test_a_folder_of_a_version_is_a_change(catalogue: Path) -> None:
    assert "app:3.0.0" not in offered("run", "app:")
    put(catalogue, {"images/app/3/image.yml": "tags: [3.0.0]\n"})
    assert "app:3.0.0" in offered("run", "app:")


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"format": 1}', b"\xff", None])
def test_names_that_cannot_be_read_back_are_made_again(
    catalogue: Path, tmp_path: Path, content: bytes | None
) -> None:
    before = offered("run", "")
    (kept,) = (tmp_path / "cache/names").iterdir()
    if content is None:
        kept.unlink()
        kept.mkdir()
    else:
        kept.write_bytes(content)
    assert offered("run", "") == before


def test_nothing_is_written_but_the_cache(catalogue: Path, tmp_path: Path) -> None:
    before = sorted(catalogue.rglob("*"))
    assert offered("run", "")
    assert sorted(catalogue.rglob("*")) == before
    assert not (tmp_path / "home").exists()
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == ["names", "plans", "templates"]
    put(catalogue, {"lockage.lock": '{"format_version": 1, "images": {}}'})
    assert list(offered("run", "")) == ["app", "apple", "base"]


HOSTILE = [
    *("$(touch x)", "`touch x`", "a b", "a'b", 'a"b', "a;b", "a\\b", "*", "~x", "=x", "-x", "#x", "!x", "{a,b}"),
    *("a\nb", "a\tb", "\x1b[31m", ":files", "\u202ea", "é", ""),
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_word_that_a_shell_could_read_otherwise_is_not_offered(
    catalogue: Path, tmp_path: Path, name: str
) -> None:
    """The catalogue has no such names; should the cache have them, no shell sees them."""
    assert offered("run", "")
    (kept,) = (tmp_path / "cache/names").iterdir()
    stored = json.loads(kept.read_text())
    stored["names"]["images"][name] = stored["names"]["images"]["app"]
    stored["names"]["images"]["app"]["title"] = f"it is {name}"
    kept.write_text(json.dumps(stored))
    lines = list(answer(Line.of_words(["run", ""])))
    assert [line.partition("\t")[0] for line in lines] == ["app", "apple", "base"]
    assert all(line.isprintable() or line.count("\t") == 1 for line in lines)
    assert all(line.replace("\t", "").isprintable() for line in lines)


def test_a_long_title_is_cut(catalogue: Path) -> None:
    put(catalogue, {"images/apple/image.yml": f"title: {'long ' * 50}\ntags: [1.0.0]\n"})
    assert len(offered("run", "")["apple"]) == 80
