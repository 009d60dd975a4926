"""What became of secondary registries, as commands print it."""

from __future__ import annotations

import json

import pytest

from pipeline.cli.output.run_result import print_run_result
from pipeline.cli.output.secondaries import print_secondaries, print_with_secondaries
from pipeline.errors import Exit, GateClosed, RegistryError
from pipeline.model import Digest, Repository
from pipeline.run.publish.promotion import TagMove
from pipeline.run.results import RunResult
from pipeline.run.secondary.follow import SecondaryResult

MOVE = TagMove(Repository("docker.io", "acme/app").tagged("1"), None, Digest.of(b"1"))
GOOD = SecondaryResult("prod@docker.io/acme", (MOVE,))
DOWN = SecondaryResult("prod@harbor.example/acme", fault=RegistryError("cannot reach harbor.example"))
DRIFTED = SecondaryResult("dev@docker.io/acme", fault=GateClosed("app:1 is not ours"))


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ((), Exit.OK),
        ((GOOD,), Exit.OK),
        ((GOOD, DOWN), Exit.REGISTRY),
        ((DRIFTED,), Exit.GATE),
        ((DRIFTED, DOWN), Exit.REGISTRY),
    ],
)
def test_exit_codes(
    results: tuple[SecondaryResult, ...], code: Exit, capsys: pytest.CaptureFixture[str]
) -> None:
    assert print_secondaries(results) == print_with_secondaries([], results) == code
    assert json.loads(capsys.readouterr().out) == [one.to_json() for one in results]
    assert RunResult((), secondaries=results).exit_code == code


def test_moves_and_faults(capsys: pytest.CaptureFixture[str]) -> None:
    print_secondaries((GOOD, DOWN), stdout=True)
    printed = capsys.readouterr()
    assert printed.out == f"{MOVE}\n"
    assert "prod@harbor.example/acme is behind; a later run brings it up to date" in printed.err
    assert "error: cannot reach harbor.example" in printed.err


def test_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    result = RunResult((), secondaries=(GOOD, DOWN))
    print_run_result(result, as_json=True)
    printed = capsys.readouterr()
    assert json.loads(printed.out)["secondaries"] == [GOOD.to_json(), DOWN.to_json()]
    assert str(MOVE) in printed.err and "1 tags written" in printed.err and "cannot reach" in printed.err
    assert result.changed and "Nothing to do" not in printed.err
