"""How tests are shared among processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import workers

ROOT = Path(__file__).resolve().parents[1]


def test_modules_that_are_named_exist() -> None:
    named = {*workers.LONG, *workers.ON_THE_HOST} - {workers.HOST}
    assert [path for path in sorted(named) if not (ROOT / path).is_file()] == []


def test_long_groups_begin_first_and_short_ones_fill_up_the_end() -> None:
    groups = ("tests/model/test_a.py", "tests/registry/test_b.py", workers.LONG[1], workers.LONG[0])
    assert workers.in_order([*groups, *groups]) == list(reversed(groups))


def test_what_changes_the_machine_is_one_group() -> None:
    assert {workers.group_of(path) for path in workers.ON_THE_HOST} == {workers.HOST}
    assert workers.group_of("tests/model/test_a.py") == "tests/model/test_a.py"


def test_the_group_of_a_test_is_what_distributes_it(request: pytest.FixtureRequest) -> None:
    """xdist appends it to the name, and distributes by that."""
    expected = "@tests/test_workers.py" if hasattr(request.config, "workerinput") else ""
    assert request.node.nodeid.partition("::")[2] == f"{request.node.name}{expected}"


@pytest.mark.parametrize(
    ("arguments", "keyword", "several"),
    [
        (["tests"], "", True),
        (["tests"], "promote", False),
        (["tests/test_workers.py"], "", False),
        (["tests/test_workers.py::test_modules_that_are_named_exist"], "", False),
    ],
)
def test_processes_are_started_for_whole_folders(
    arguments: list[str], keyword: str, several: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(workers, "cores", lambda: 8)
    assert workers.count(arguments, keyword) == (workers.MOST if several else 0)
