"""A plan that was kept: the same plan, invalid as soon as anything changed, and light to read back."""

import hashlib
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.catalogue import SourceFile, read_source
from pipeline.model import Platform
from pipeline.plan import make_plan, plan_of
from pipeline.plan.cache.encoding import dump, load
from pipeline.plan.cache.fingerprint import fingerprint
from tests.catalogue.sample import LOCK, PROJECT, folder, image, put, source

PROJECT_BOTH = PROJECT + (
    "platforms: [linux/amd64, linux/arm64]\nsource: https://example.com\n"
    "policy: {vulnerabilities: {ignore: [{id: C, owner: o, reason: r, expires: 2027-01-01}]}, size: {max: 1MB}}\n"
)
FILES = (
    folder("base", image("[2025.09]", "title: T\ndescription: D\n"))
    | folder("a", image("[1.0.0]", "variants: [x]\n", "FROM --platform=linux/amd64 base:2025.09\n"))
    | {
        "a/rootfs/l": SourceFile("link", target="/x"),
        "a/rootfs/.env": "x",
        "a/test.yml.tpl": "schemaVersion: 2.0.0\nmetadataTest: {user: root}\n# t\n",
    }
)
SOURCE = source(FILES, PROJECT_BOTH)


@pytest.mark.parametrize("options", [{}, {"lock": LOCK}, {"lock": LOCK, "snapshot_id": "mr-1"}])
def test_what_is_read_back_is_equal_in_everything(options):
    made = make_plan(SOURCE, **options)
    assert load(dump(made), SOURCE) == made
    assert load(dump(made), SOURCE).to_json() == made.to_json()
    assert dump(load(dump(made), SOURCE)) == dump(made)


def print_of(files=FILES, project=PROJECT_BOTH, **options):
    return str(fingerprint(source(files, project), **({"lock": LOCK} | options)))


def test_every_input_is_in_the_fingerprint():
    others = [
        print_of(FILES | {"a/Dockerfile.tmpl": "FROM base:2025.09\n"}),
        print_of(FILES | {"a/rootfs/l": SourceFile("link", target="/y")}),
        print_of(FILES | {"a/rootfs/.env": "y"}),
        print_of(FILES | {"a/rootfs/.env": SourceFile("file", 0o755, b"x")}),
        print_of(FILES | {"a/rootfs/empty": SourceFile("dir")}),
        print_of(project=PROJECT),
        print_of(lock=None),
        print_of(snapshot_id="mr-1"),
        print_of(platforms=[Platform("linux", "amd64")]),
    ]
    assert len({print_of(), *others}) == len(others) + 1
    assert print_of() == print_of()


@given(st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_anything_else_is_not_a_stored_plan(content):
    with pytest.raises(ValueError):
        load(content, SOURCE)


def test_a_kept_plan_is_used_and_a_damaged_one_made_again(tmp_path):
    first = plan_of(SOURCE, cache=tmp_path, lock=LOCK)
    [kept] = (tmp_path / "plans").iterdir()
    marked = replace(first, snapshot_id="marked")
    kept.write_bytes(hashlib.sha256(dump(marked)).digest() + dump(marked))
    assert plan_of(SOURCE, cache=tmp_path, lock=LOCK).snapshot_id == "marked"
    kept.write_bytes(b"{")
    assert plan_of(SOURCE, cache=tmp_path, lock=LOCK) == first
    assert plan_of(SOURCE, cache=tmp_path, lock=LOCK, only=["base"]).images == ("base",)
    assert plan_of(SOURCE, cache=tmp_path / "x", lock=LOCK) == first
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert plan_of(SOURCE, cache=blocked, lock=LOCK) == first


def test_old_plans_do_not_pile_up(tmp_path):
    for number in range(40):
        plan_of(SOURCE, cache=tmp_path, snapshot_id=str(number))
    assert len(list((tmp_path / "plans").iterdir())) == 32


READ_BACK = """
import sys
from pathlib import Path
from pipeline.catalogue import read_source
from pipeline.plan import plan_of
plan_of(read_source(Path(sys.argv[1])), cache=Path(sys.argv[2])).to_json()
print(*sorted({m.partition('.')[0] for m in sys.modules}))
"""


@pytest.mark.real  # starts a process
def test_reading_back_imports_no_heavy_library(tmp_path):
    files = {f"images/{path}": text for path, text in FILES.items() if isinstance(text, str)}
    put(tmp_path / "repo", {"lockage.yml": PROJECT_BOTH, **files})
    plan_of(read_source(tmp_path / "repo"), cache=tmp_path / "cache")
    command = [sys.executable, "-c", READ_BACK, str(tmp_path / "repo"), str(tmp_path / "cache")]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert not {
        "pydantic",
        "yaml",
        "jinja2",
        "semver",
        "asyncio",
        "anyio",
        "aiohttp",
        "rich",
        "dagger",
    } & set(found)
    assert len(list((tmp_path / "cache" / "plans").iterdir())) == 1


AFTER_AN_EDIT = """
import sys
from pathlib import Path
from pipeline.catalogue import read_source
from pipeline.plan import affected_since, plan_of
root, path, text = Path(sys.argv[1]), *sys.argv[3:]
before = read_source(root).files[path]
(root / path).write_text(text)
plan = plan_of(read_source(root), cache=Path(sys.argv[2]))
print(*(affected.id for affected in affected_since(plan, {path: before}).affected))
print(*sys.modules)
"""


@pytest.mark.real  # starts a process
@pytest.mark.parametrize(
    ("path", "text", "imported"),
    [
        ("images/a/Dockerfile.tmpl", "FROM base:2025.09\nUSER a\n", set()),
        (
            "images/a/image.yml",
            "tags: [1.0.0]\nvariants: [x]\nlabels: {a: b}\n",
            {"pydantic", "yaml", "pipeline.config.image"},
        ),
    ],
)
def test_an_edit_imports_what_reads_the_edited_file(tmp_path, path, text, imported):
    files = {f"images/{path}": text for path, text in FILES.items() if isinstance(text, str)}
    put(tmp_path / "repo", {"lockage.yml": PROJECT, **files})
    plan_of(read_source(tmp_path / "repo"), cache=tmp_path / "cache")
    command = [
        sys.executable,
        "-c",
        AFTER_AN_EDIT,
        str(tmp_path / "repo"),
        str(tmp_path / "cache"),
        path,
        text,
    ]
    ids, modules = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    assert ids.split() == ["a/1.0.0/linux-amd64", "a/1.0.0-x/linux-amd64"]
    models = {"pydantic", "yaml", "pipeline.config.image", "pipeline.config.project"}
    assert models & set(modules.split()) == imported


def test_a_kept_plan_with_a_changed_byte_is_as_if_it_were_not_there(tmp_path):
    expected = plan_of(SOURCE, cache=tmp_path)
    [kept] = (tmp_path / "plans").iterdir()
    content = kept.read_bytes()
    at = content.index(b'"description"') if b'"description"' in content else content.rindex(b"D")
    for changed in (content[:-1], content[: len(content) // 2], content[:at] + b"E" + content[at + 1 :], b""):
        kept.write_bytes(changed)
        assert plan_of(SOURCE, cache=tmp_path) == expected
        assert kept.read_bytes() == content
