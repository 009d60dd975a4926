"""Kept bytecode: it saves compiling, and changes no text and no problem, whatever is on the disk."""

from __future__ import annotations

import hashlib
import marshal
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2.bccache import bc_magic

from pipeline.catalogue.templating.bytecode import StoredBytecode
from pipeline.catalogue.templating.limits import MAX_STEPS
from pipeline.catalogue.templating.outline import Outline
from pipeline.catalogue.templating.sandbox import Sandbox
from pipeline.catalogue.templating.templates import Renderer, TemplateProblem
from pipeline.plan import make_plan
from tests.catalogue.sample import LOCK, folder, image, source

CONTEXT = {"image": "python", "tag": "3.11", "versions": {"v": "1"}, "variables": {"packages": ["a", "b"]}}
FILES = {
    "i/t": "FROM x\n{% for p in variables.packages %}{{ p }}\n{% endfor %}{% include '_shared/s' %}\n",
    "_shared/s": "{{ image }}:{{ tag }}",
}
TEXT = "FROM x\na\nb\npython:3.11\n"


def outlines(*texts: str) -> list[str]:
    """What is compiled for these templates."""
    return [outline.text for text in texts if (outline := Outline.of(text))]


BOTH = outlines(*FILES.values())


def outcome(folder: Path | None, files: dict[str, str] = FILES) -> str:
    """What a rendering gives: the text, or the whole problem."""
    bytecode = StoredBytecode(folder) if folder else None
    renderer = Renderer(source(files), bytecode=bytecode)
    try:
        return renderer.render("images/i/t", CONTEXT, "i:1")
    except TemplateProblem as error:
        return f"problem: {error.problem!r}"
    finally:
        if bytecode:
            bytecode.store()


def kept(folder: Path) -> list[Path]:
    """The files that a cache holds."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was compiled, in order."""
    texts: list[str] = []
    compile_ = Sandbox.compile

    def counted(self, text, *rest, **more):
        texts.append(text)
        return compile_(self, text, *rest, **more)

    monkeypatch.setattr(Sandbox, "compile", counted)
    return texts


def test_a_template_is_compiled_once(tmp_path, compiled):
    assert outcome(tmp_path) == TEXT
    assert compiled == BOTH
    assert outcome(tmp_path) == TEXT
    assert outcome(tmp_path, FILES | {"_shared/s": "other"}) == "FROM x\na\nb\nother\n"
    assert compiled == [*BOTH, *outlines("other")]


def test_a_catalogue_has_one_file_with_what_it_uses(tmp_path, compiled):
    outcome(tmp_path)
    [path] = kept(tmp_path)
    both = path.read_bytes()
    assert outcome(tmp_path, {"i/t": "alone"}) == "alone"
    assert kept(tmp_path) == [path]
    assert len(path.read_bytes()) < len(both)
    outcome(tmp_path)
    assert compiled == [*BOTH, *outlines("alone"), *BOTH]
    assert path.read_bytes() == both


def test_nothing_is_written_if_nothing_was_compiled(tmp_path):
    outcome(tmp_path)
    [path] = kept(tmp_path)
    before = path.stat()
    outcome(tmp_path)
    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_the_files_of_some_catalogues_are_kept(tmp_path):
    files = {}
    for number in range(40):
        bytecode = StoredBytecode(tmp_path, f"/catalogue{number}")
        Renderer(source(FILES), bytecode=bytecode).render("images/i/t", CONTEXT, "i:1")
        bytecode.store()
        for path in set(kept(tmp_path)) - files.keys():
            files[path] = number
            os.utime(path, ns=(number, number))
    assert sorted(files[path] for path in kept(tmp_path)) == list(range(8, 40))


def test_nobody_else_may_read_or_write_it(tmp_path):
    before = os.umask(0)
    try:
        outcome(tmp_path / "c")
    finally:
        os.umask(before)
    [place] = (tmp_path / "c").iterdir()
    assert place.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in kept(place)} == {0o600}


def _signed(content: bytes) -> bytes:
    return hashlib.sha256(content).digest() + content


def _each(content: bytes, change: Callable[[bytes], object]) -> bytes:
    """A stored file with changed code of every template."""
    head = 32 + len(bc_magic)
    table = marshal.loads(content[head:])
    return _signed(bc_magic + marshal.dumps({name: change(code) for name, code in table.items()}))


DAMAGED = {
    "empty": lambda content: b"",
    "short": lambda content: content[:-1],
    "a bit": lambda content: content[:-40] + bytes([content[-40] ^ 1]) + content[-39:],
    "other": lambda content: b"x" * 100,
    "another jinja2": lambda content: _signed(b"j3" + content[34:]),
    "no marshal": lambda content: _signed(bc_magic + b"x"),
    "no table": lambda content: _signed(bc_magic + marshal.dumps([1])),
    "cut": lambda content: _signed(content[32:-200]),
    "cut code": lambda content: _each(content, lambda code: code[:-20]),
    "no code": lambda content: _each(content, lambda code: marshal.dumps(1)),
    "no bytes": lambda content: _each(content, lambda code: 1),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_damaged_bytecode_is_compiled_again(tmp_path, compiled, damage):
    outcome(tmp_path)
    whole = [path.read_bytes() for path in kept(tmp_path)]
    for path in kept(tmp_path):
        path.write_bytes(DAMAGED[damage](path.read_bytes()))
    compiled.clear()
    assert outcome(tmp_path) == TEXT
    assert compiled == BOTH
    assert [path.read_bytes() for path in kept(tmp_path)] == whole


@pytest.mark.parametrize("kind", ["folder", "link", "fifo"])
def test_what_is_no_file_is_not_read(tmp_path, compiled, kind):
    outcome(tmp_path)
    for number, path in enumerate(kept(tmp_path)):
        if kind == "link":
            path.replace(tmp_path / f"elsewhere{number}")
            path.symlink_to(tmp_path / f"elsewhere{number}")
        else:
            path.unlink()
            path.mkdir() if kind == "folder" else os.mkfifo(path)
    compiled.clear()
    assert outcome(tmp_path) == TEXT
    assert compiled == BOTH


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o702])
def test_a_folder_open_to_others_is_not_used(tmp_path, compiled, mode):
    outcome(tmp_path)
    [place] = tmp_path.iterdir()
    place.chmod(mode)
    before = {path: path.stat().st_mtime_ns for path in kept(tmp_path)}
    compiled.clear()
    assert outcome(tmp_path) == TEXT
    assert outcome(tmp_path, FILES | {"_shared/s": ""}) != TEXT
    assert compiled == [*BOTH, BOTH[0], *outlines("")]
    assert {path: path.stat().st_mtime_ns for path in kept(tmp_path)} == before


def test_a_folder_of_somebody_else_is_not_used(tmp_path, compiled, monkeypatch):
    outcome(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    compiled.clear()
    assert outcome(tmp_path) == TEXT
    assert compiled == BOTH


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a file away needs root")
def test_a_file_of_somebody_else_is_not_read(tmp_path, compiled):
    outcome(tmp_path)
    for path in kept(tmp_path):
        os.chown(path, 12345, 12345)
    compiled.clear()
    assert outcome(tmp_path) == TEXT
    assert compiled == BOTH


def test_a_folder_that_cannot_be_written_is_as_good_as_none(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert outcome(blocked) == outcome(blocked / "below") == TEXT
    open_ = os.open

    def full(path, flags, *rest, **more):
        if flags & os.O_CREAT:
            raise OSError(28, "No space left on device")
        return open_(path, flags, *rest, **more)

    monkeypatch.setattr(os, "open", full)
    assert outcome(tmp_path / "c") == TEXT
    assert kept(tmp_path / "c") == []


WRONG = [
    "a\n\n{{ gone }}",
    "a\n{% include '_shared/s' %}",
    "{{ versions.w }}",
    "\n{% for p in variables.packages %}\n{{ p.x.y }}{% endfor %}",
    "\n{{ 'a' * 10000000 }}",
    "{{ ''.__class__.__mro__ }}",
    "{% for a in range(1000) %}{% for b in range(1000) %}{% endfor %}{% endfor %}",
]


@pytest.mark.parametrize("text", WRONG)
def test_problems_are_the_same_at_the_same_line(tmp_path, compiled, text):
    files = {"i/t": text, "_shared/s": "\n\n{{ gone }}"}
    expected = outcome(None, files)
    assert expected.startswith("problem: ")
    assert outcome(tmp_path, files) == expected
    compiled.clear()
    assert outcome(tmp_path, files) == expected
    assert compiled == []


def test_loops_of_kept_bytecode_are_counted(tmp_path):
    turns = "{% for a in variables.packages %}" * 18 + "{% endfor %}" * 18
    assert MAX_STEPS < 2**18
    assert "loop turns" in outcome(tmp_path, {"i/t": turns})
    assert "loop turns" in outcome(tmp_path, {"i/t": turns})


PIECES = st.sampled_from(
    [
        *("{{ image }}", "{{ gone }}", "{% if tag %}", "{% endif %}", "{% for p in variables.packages %}"),
        *(
            "{% endfor %}",
            "{{ p }}",
            "{% include '_shared/s' %}",
            "\n",
            "é",
            "{#",
            "{% raw %}",
            "{{ 1 // 0 }}",
        ),
    ]
)


@given(st.lists(PIECES, max_size=8).map("".join))
def test_every_template_gives_the_same(tmp_path_factory, text):
    folder = tmp_path_factory.mktemp("bytecode")
    expected = outcome(None, FILES | {"i/t": text})
    assert [outcome(folder, FILES | {"i/t": text}) for _ in range(2)] == [expected, expected]


def test_a_name_that_is_no_text_is_rendered_as_without(tmp_path):
    files = {"i/t": "{% include '_shared/\\udcff' %}", "_shared/\udcff": "x"}
    assert outcome(tmp_path, files) == outcome(None, files)


def test_a_plan_is_the_same_with_and_without(tmp_path):
    catalogue = source(folder("app", image("[1.0.0]", "variants: [x]\n", "FROM debian:12\n# {{ tag }}\n")))
    made = []
    for _ in range(2):
        bytecode = StoredBytecode(tmp_path)
        made.append(make_plan(catalogue, lock=LOCK, bytecode=bytecode))
        bytecode.store()
    assert made == [make_plan(catalogue, lock=LOCK)] * 2
