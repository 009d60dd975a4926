"""How tests are shared among processes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import workers
from tests.tools import iri_syntax

ROOT = Path(__file__).resolve().parents[1]


def test_what_is_named_exists() -> None:
    listed = {*workers.ON_THE_HOST, *workers.ON_FORKED, *workers.ON_SOURCES, *workers.TOGETHER}
    for name in listed | {*workers.LONG} - {workers.HOST, workers.FORKED}:
        path, _, test = name.partition("::")
        assert f"def {test}" in (ROOT / path).read_text() if test else (ROOT / path).exists(), name


def test_long_groups_begin_first_and_short_ones_fill_up_the_end() -> None:
    groups = ["tests/model/test_a.py", "tests/registry/test_b.py", workers.LONG[1], workers.LONG[0]]
    assert sorted(groups, key=workers.rank) == groups[::-1]


def test_users_of_the_site_run_before_what_fills_up_the_end() -> None:
    imported = re.compile(r"^from tests\.real\.site import", re.MULTILINE)
    users = [path for path in (ROOT / "tests").rglob("test_*.py") if imported.search(path.read_text())]
    assert len(users) > 40
    assert not [path for path in users if workers.fills_up(workers.group_of(str(path.relative_to(ROOT))))]
    assert workers.fills_up("tests/model/test_digest.py")


def test_what_changes_the_machine_is_one_group() -> None:
    assert {workers.group_of(f"{name}_and_more[x]") for name in workers.ON_THE_HOST} == {workers.HOST}
    assert workers.group_of("tests/model/test_a.py::test_a[b::c]") == "tests/model/test_a.py"


def test_modules_that_share_fixtures_are_one_group() -> None:
    for folder in workers.TOGETHER:
        names = {f"{folder}{path.name}::test_a" for path in (ROOT / folder).glob("test_*.py")}
        assert len(names) > 1
        assert {workers.group_of(name) for name in names} == {folder}


def test_what_forks_the_program_is_one_group() -> None:
    assert {workers.group_of(f"{name}_and_more") for name in workers.ON_FORKED} == {workers.FORKED}


def test_what_reads_the_sources_is_one_group() -> None:
    assert {workers.group_of(f"{name}::test_a") for name in workers.ON_SOURCES} == {workers.SOURCES}


def test_a_process_more_than_cores_fills_waiting_where_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, rooms, marks, count in (
        (1, 9, "", 0),
        (2, 9, "", 3),
        (2, 9, workers.UNREAL, 2),
        (2, 2, "", 2),
        (2, 0, "", 2),
        (4, 9, "", workers.MOST),
        (64, 9, "", workers.MOST),
    ):
        monkeypatch.setattr(workers, "cores", lambda cores=cores: cores)
        monkeypatch.setattr(workers, "rooms", lambda rooms=rooms: rooms)
        assert workers.count([str(ROOT / "tests")], "", marks) == count


@pytest.mark.parametrize(
    ("text", "real"),
    [
        ("pytestmark = pytest.mark.real\n", True),
        ("import pytest\n\npytestmark = pytest.mark.real  # starts a process\n", True),
        ("pytestmark = [pytest.mark.anyio, pytest.mark.real]\n", True),
        ("pytestmark = [\n    pytest.mark.real,\n    pytest.mark.skipif(a[0], reason='x'),\n]\n", True),
        ("pytestmark = pytest.mark.anyio\n", False),
        ("pytestmark = [pytest.mark.anyio]\nX = pytest.mark.real\n", False),
        ("@pytest.mark.real\ndef test_a(): ...\n", False),
        ("pytestmark = pytest.mark.really\n", False),
        ("    pytestmark = pytest.mark.real\n", False),
    ],
)
def test_modules_of_real_tests_alone_are_known_by_their_text(text: str, real: bool) -> None:
    assert workers.is_real(text) is real


@pytest.mark.real  # the parsers take seconds
def test_an_iri_is_still_checked() -> None:
    assert iri_syntax.is_valid_syntax("iri", "https://example.com/ä")
    assert not iri_syntax.is_valid_syntax("iri", "no scheme")


@pytest.fixture(scope="module")
def mine() -> list[object]:
    """Once for this module, in whichever process it runs."""
    return []


@pytest.mark.parametrize("number", range(3))
def test_a_module_stays_in_one_process(number: int, mine: list[object]) -> None:
    assert len(mine) == number
    mine.append(number)


@pytest.mark.parametrize(
    ("arguments", "keyword", "several"),
    [
        (["tests"], "", True),
        (["tests"], "promote", False),
        (["tests/test_workers.py"], "", False),
        (["tests/test_workers.py::test_what_is_named_exists"], "", False),
    ],
)
def test_processes_are_started_for_whole_folders(
    arguments: list[str], keyword: str, several: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(workers, "cores", lambda: 8)
    assert workers.count(arguments, keyword, "") == (workers.MOST if several else 0)
